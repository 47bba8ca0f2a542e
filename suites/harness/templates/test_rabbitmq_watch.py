"""A RabbitMQ member whose disk is full: stopped where most others serve, one at a time; started once there is room."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy import catalogue
from suites.harness.clusters import with_every_feature

OWN, OTHERS = "10.0.0.2", ["10.0.0.1", "10.0.0.3"]


@pytest.fixture
def script(shipped, monkeypatch, tmp_path):
    """On a host that we say everything of."""
    module = shipped("rabbitmq-watch")
    module.told, module.waited, module.room, module.serving = [], [], 0, set(OTHERS)
    monkeypatch.setattr(module, "STOPPED", tmp_path / "stopped")
    monkeypatch.setattr(module, "free", lambda: module.room)
    monkeypatch.setattr(module, "serves", lambda address: address in module.serving)
    monkeypatch.setattr(module, "is_up", lambda: module.told[-1:] != ["kill"])
    monkeypatch.setattr(module.time, "sleep", module.waited.append)
    monkeypatch.setattr(module.subprocess, "run", lambda command, **_: module.told.append(command[1]))
    return module


def test_a_member_without_room_is_stopped_at_once_and_once(script):
    assert script.keep_out(OWN, OTHERS)
    assert script.keep_out(OWN, OTHERS)
    assert script.told == ["stop", "kill"]


def test_it_is_started_when_there_is_more_than_just_room(script):
    script.keep_out(OWN, OTHERS)
    script.room = script.LIMIT
    assert script.keep_out(OWN, OTHERS)
    script.room = script.ROOM
    assert script.keep_out(OWN, OTHERS)
    assert not script.keep_out(OWN, OTHERS)
    assert script.told == ["stop", "kill", "start"]


def test_one_that_somebody_starts_meanwhile_is_stopped_again(script):
    script.keep_out(OWN, OTHERS)
    script.told.append("start")
    assert script.keep_out(OWN, OTHERS)
    assert script.told == ["stop", "kill", "start", "stop", "kill"]


def test_it_goes_on_where_the_others_are_no_majority(script):
    script.serving = {OTHERS[0]}
    assert not script.keep_out(OWN, OTHERS)
    assert script.told == []


def test_of_two_that_are_full_only_the_first_stops(script):
    script.serving = {OWN, OTHERS[1]}
    assert script.keep_out(OTHERS[0], [OWN, OTHERS[1]])
    assert script.waited[-1] == 0  # the first waits for nobody
    script.STOPPED.unlink()  # the second is another host
    script.told.clear()
    script.serving = {OTHERS[1]}
    assert not script.keep_out(OWN, OTHERS)
    assert script.waited[-1] == script.TURN


def test_the_last_of_three_is_out_within_what_a_queue_may_be_away(script):
    script.serving = {OWN, OTHERS[0]}
    assert script.keep_out(OTHERS[1], [OWN, OTHERS[0]])
    carried_out = 0.4  # seconds, read off a lab's journal: from the decision until the kernel has the process no more
    budget = catalogue.load().of(with_every_feature()).budgets("disk-full")["messages"]
    assert script.waited[-1] + script.LOOK + carried_out < budget
    assert script.LOOK + carried_out < script.TURN  # the one before is out by then, or both would go


def test_one_with_room_is_let_alone(script):
    script.room = script.LIMIT
    assert not script.keep_out(OWN, OTHERS)
    assert script.told == []


@pytest.fixture
def asked(shipped, monkeypatch):
    """What the script makes of an answer; erl_call evaluates what ends with a full stop and a line break."""
    script = shipped("rabbitmq-watch")

    def ask(answer: str) -> bool:
        def erl_call(command, **given):
            assert command[command.index("-h") + 1] == f"rabbitmq-watch-{os.getpid()}"
            ends = given["input"].endswith(".\n")
            said = answer if ends else '{error, "Incomplete form (missing .<cr>)??"}'
            return script.subprocess.CompletedProcess([], 0, said, "")

        monkeypatch.setattr(script.subprocess, "run", erl_call)
        return script.is_apart("rabbit@one")

    return ask


@pytest.mark.parametrize(("answer", "apart"), [("{false,0,0}\n", False), ("{true,0,0}\n", True)])
def test_one_that_is_apart_says_so(asked, capsys, answer, apart):
    assert asked(answer) is apart
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", ["", '{error, "Incomplete form (missing .<cr>)??"}'])
def test_one_that_could_not_be_asked_is_told_of(asked, capsys, answer):
    assert not asked(answer)
    assert capsys.readouterr().out == f"RabbitMQ was not asked: {answer}\n"


def test_who_listened_to_a_queue_that_is_gone_is_told_of(asked, capsys):
    assert not asked("{false,2,1}\n")
    assert capsys.readouterr().out == (
        "2 clients listened to a queue that is gone: closed their connections\n"
        "1 processes of queues that are gone were left: ended them\n"
    )


@pytest.mark.parametrize("answer", [b"\x01", b""])
def test_a_member_serves_if_it_answers_at_its_port(shipped, answer):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        host, port = server.getsockname()
        served = pool.submit(shipped("rabbitmq-watch").serves, f"{host}:{port}")
        with server.accept()[0] as client:
            assert client.recv(8) == b"AMQP\x00\x00\x09\x01"
            client.sendall(answer)
        assert served.result(timeout=5) == bool(answer)


def test_its_unit_names_the_member_itself_and_then_the_others(tree_of):
    unit = tree_of("lab")["controller02"]["/etc/systemd/system/rabbitmq-watch.service"].text
    members = "172.16.181.32:5672 172.16.181.31:5672 172.16.181.33:5672"
    assert f"/rabbitmq-watch rabbit@controller02 {members}\n" in unit
