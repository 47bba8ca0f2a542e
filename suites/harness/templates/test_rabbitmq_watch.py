"""rabbitmq-watch: stops a member whose disk is full, one at a time, and ends what belongs to queues that are gone."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy import catalogue
from suites.harness.clusters import with_every_feature

OWN, OTHERS = "10.0.0.2", ["10.0.0.1", "10.0.0.3"]


@pytest.fixture
def script(shipped, monkeypatch, tmp_path):
    """The program on a simulated host: the test sets free bytes, and which members serve."""
    module = shipped("rabbitmq-watch")
    module.commands, module.waited, module.room, module.serving = [], [], 0, set(OTHERS)
    monkeypatch.setattr(module, "STOPPED", tmp_path / "stopped")
    monkeypatch.setattr(module, "free", lambda: module.room)
    monkeypatch.setattr(module, "serves", lambda address: address in module.serving)
    monkeypatch.setattr(module, "is_up", lambda: module.commands[-1:] != ["kill"])
    monkeypatch.setattr(module.time, "sleep", module.waited.append)
    monkeypatch.setattr(module.subprocess, "run", lambda command, **_: module.commands.append(command[1]))
    return module


def test_a_member_without_room_is_stopped_once(script):
    assert script.keep_stopped(OWN, OTHERS)
    assert script.keep_stopped(OWN, OTHERS)
    assert script.commands == ["stop", "kill"]


def test_a_stopped_member_starts_at_twice_the_limit(script):
    script.keep_stopped(OWN, OTHERS)
    script.room = script.LIMIT
    assert script.keep_stopped(OWN, OTHERS)
    script.room = script.ROOM
    assert script.keep_stopped(OWN, OTHERS)
    assert not script.keep_stopped(OWN, OTHERS)
    assert script.commands == ["stop", "kill", "start"]


def test_a_full_member_that_somebody_starts_is_stopped_again(script):
    script.keep_stopped(OWN, OTHERS)
    script.commands.append("start")
    assert script.keep_stopped(OWN, OTHERS)
    assert script.commands == ["stop", "kill", "start", "stop", "kill"]


def test_a_full_member_keeps_running_where_the_others_are_no_majority(script):
    script.serving = {OTHERS[0]}
    assert not script.keep_stopped(OWN, OTHERS)
    assert script.commands == []


def test_of_two_full_members_only_the_first_stops(script):
    script.serving = {OWN, OTHERS[1]}
    assert script.keep_stopped(OTHERS[0], [OWN, OTHERS[1]])
    assert script.waited[-1] == 0  # the first member decides at once
    script.STOPPED.unlink()  # the second member is on another host
    script.commands.clear()
    script.serving = {OTHERS[1]}
    assert not script.keep_stopped(OWN, OTHERS)
    assert script.waited[-1] == script.TURN


def test_the_last_of_three_members_stops_within_the_budget_of_messages(script):
    script.serving = {OWN, OTHERS[0]}
    assert script.keep_stopped(OTHERS[1], [OWN, OTHERS[0]])
    carried_out = 0.4  # seconds from the decision until the process is gone, measured in a lab's journal
    budget = catalogue.load().of(with_every_feature()).budgets("disk-full")["messages"]
    assert script.waited[-1] + script.DISK_INTERVAL + carried_out < budget
    assert script.DISK_INTERVAL + carried_out < script.TURN  # the member before has stopped by then, or both would stop


def test_a_member_with_room_is_left_alone(script):
    script.room = script.LIMIT
    assert not script.keep_stopped(OWN, OTHERS)
    assert script.commands == []


@pytest.fixture
def checked(script, monkeypatch):
    """The program's `check`, with the members that serve; returns what the program did and the failed checks."""
    script.asked = []
    monkeypatch.setattr(script, "is_apart", lambda node: script.asked.append(node) or script.apart)

    def run(serving, missed=0, apart=False):
        script.serving, script.apart = set(serving), apart
        return script.check("rabbit@two", OWN, OTHERS, missed), bool(script.asked), script.commands

    return run


@pytest.mark.parametrize("others", [OTHERS, OTHERS[:1], OTHERS[1:]])
def test_clients_without_a_queue_are_looked_for_also_while_another_member_is_away(checked, others):
    assert checked([OWN, *others]) == (0, True, [])


def test_a_member_alone_looks_for_nothing(checked):
    assert checked([OWN]) == (0, False, [])


def test_a_stopped_member_is_not_asked_for_what_is_gone(checked, script):
    script.commands.append("kill")  # so it is not up
    assert checked(OTHERS) == (0, False, ["kill"])


def test_a_member_apart_is_killed_where_both_others_serve(checked):
    assert checked([OWN, *OTHERS], apart=True) == (0, True, ["kill"])


def test_a_member_apart_stays_where_another_one_is_away(checked):
    assert checked([OWN, OTHERS[0]], apart=True) == (0, True, [])


def test_a_member_that_does_not_serve_is_killed_after_enough_checks(checked, script):
    assert checked(OTHERS) == (1, False, [])
    assert checked(OTHERS, missed=script.MISSES - 2) == (script.MISSES - 1, False, [])
    assert checked(OTHERS, missed=script.MISSES - 1) == (0, False, ["kill"])


def test_a_member_that_does_not_serve_stays_where_another_one_is_away(checked, script):
    assert checked(OTHERS[:1], missed=script.MISSES - 1) == (script.MISSES, False, [])


@pytest.fixture
def is_apart(shipped, monkeypatch):
    """The program's `is_apart` for one output of erl_call, which evaluates only input that ends with `.\\n`."""
    script = shipped("rabbitmq-watch")

    def run(answer: str) -> bool:
        def erl_call(command, **given):
            assert command[command.index("-h") + 1] == f"rabbitmq-watch-{os.getpid()}"
            complete = given["input"].endswith(".\n")
            output = answer if complete else '{error, "Incomplete form (missing .<cr>)??"}'
            return script.subprocess.CompletedProcess([], 0, output, "")

        monkeypatch.setattr(script.subprocess, "run", erl_call)
        return script.is_apart("rabbit@one")

    return run


@pytest.mark.parametrize(("answer", "apart"), [("{false,0,0}\n", False), ("{true,0,0}\n", True)])
def test_a_member_apart_from_the_majority_is_recognised(is_apart, capsys, answer, apart):
    assert is_apart(answer) is apart
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", ["", '{error, "Incomplete form (missing .<cr>)??"}'])
def test_a_failed_erl_call_is_logged(is_apart, capsys, answer):
    assert not is_apart(answer)
    assert capsys.readouterr().out == f"erl_call could not check RabbitMQ: {answer}\n"


def test_closed_connections_and_ended_processes_are_logged(is_apart, capsys):
    assert not is_apart("{false,2,1}\n")
    assert capsys.readouterr().out == (
        "closed the connections of 2 clients that listened to a queue that is gone\n"
        "ended 1 processes of queues that are gone\n"
    )


@pytest.mark.parametrize("answer", [b"\x01", b""])
def test_a_member_serves_if_it_answers_on_its_port(shipped, answer):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        host, port = server.getsockname()
        result = pool.submit(shipped("rabbitmq-watch").serves, f"{host}:{port}")
        with server.accept()[0] as client:
            assert client.recv(8) == b"AMQP\x00\x00\x09\x01"
            client.sendall(answer)
        assert result.result(timeout=5) == bool(answer)


def test_the_unit_names_its_own_member_and_then_the_others(tree_of):
    unit = tree_of("lab")["controller02"]["/etc/systemd/system/rabbitmq-watch.service"].text
    members = "172.16.181.32:5672 172.16.181.31:5672 172.16.181.33:5672"
    assert f"/rabbitmq-watch rabbit@controller02 {members}\n" in unit
