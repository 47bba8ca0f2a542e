"""RPC servers: each consumer of a queue gets one ping, in oslo.messaging's format, and unanswered pings are counted."""

import json

import amqp
import pytest

from deploy.facts import rpc, rpc_ping
from deploy.facts.rpc import Served

URL = """[DEFAULT]
# transport_url = rabbit://guest@elsewhere/
transport_url = rabbit://openstack:p%40ss@172.16.181.31:5672,openstack:p%40ss@172.16.181.32:5672/
rpc_ping_enabled = true
"""


def test_every_queue_of_a_recording_is_read(recording):
    found = rpc.parse(recording("rpc", "hung-scheduler"))
    assert found["scheduler.controller02"] == Served(exists=True, waiting=0, consumers=1, answers=0)
    assert found["scheduler"] == Served(exists=True, waiting=0, consumers=3, answers=2)
    assert found["scheduler.controller01"] == Served(exists=True, waiting=0, consumers=1, answers=1)
    assert len(found) == 36


def test_an_absent_queue_is_known_to_be_absent():
    assert rpc.parse("q-l3-plugin absent\n") == {"q-l3-plugin": Served()}
    assert str(Served()) == "no queue"


@pytest.mark.parametrize(
    "text", ["", "garbage", "no member of RabbitMQ lets in", "compute one two three", "a 1 2", "a -1 2 3"]
)
def test_without_an_answer_nothing_is_known(text):
    assert rpc.parse(text) == {}


def test_every_member_of_the_url_is_tried():
    first, second = rpc_ping.members(URL)
    account = {"userid": "openstack", "password": "p@ss", "virtual_host": "/"}
    assert first == {"host": "172.16.181.31:5672", **account}
    assert second == {"host": "172.16.181.32:5672", **account}


@pytest.mark.parametrize("text", ["", "garbage", "transport_url ="])
def test_a_file_without_a_url_names_no_member(text):
    assert rpc_ping.members(text) == []


def test_no_member_that_lets_in_ends_the_script():
    with pytest.raises(SystemExit, match="no member"):
        rpc_ping.connected([{"host": "127.0.0.1:1", "userid": "", "password": ""}])


def test_a_ping_is_a_call_that_expires():
    message = rpc_ping.ping("one", "reply_to_us")
    call = json.loads(json.loads(message.body)["oslo.message"])
    assert (call["method"], call["_msg_id"], call["_reply_q"]) == ("oslo_rpc_server_ping", "one", "reply_to_us")
    assert int(message.properties["expiration"]) == rpc_ping.ANSWER * 1000


class Channel:
    """A channel of a RabbitMQ with one queue `known`, whose consumers reply with the given results, then nothing."""

    def __init__(self, results, silent=0):
        self.results, self.replies, self.silent = list(results), [], silent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    channel = __enter__

    def queue_declare(self, queue="", **_):
        if queue not in {"", "known"}:
            raise amqp.NotFound
        self.silent -= 1
        return amqp.protocol.queue_declare_ok_t(queue or "reply", *((0, 0) if self.silent >= 0 else (4, 2)))

    def basic_consume(self, *_, callback, **__):
        self.callback = callback

    def basic_publish(self, message, **_):
        call = json.loads(json.loads(message.body)["oslo.message"])
        if self.results and (result := self.results.pop(0)) is not None:
            reply = json.dumps({"_msg_id": call["_msg_id"], "ending": True, **result})
            self.replies.append(amqp.Message(json.dumps({"oslo.version": "2.0", "oslo.message": reply})))

    def drain_events(self, **_):
        if not self.replies:
            raise TimeoutError
        self.callback(self.replies.pop(0))


PONG = {"result": "pong", "failure": None}
REFUSED = {"result": None, "failure": '{"class": "NoSuchMethod"}'}


@pytest.mark.parametrize(
    ("results", "answers"),
    [
        ([PONG] * 6, 2),
        ([PONG, None] * 3, 1),
        ([None, PONG, PONG, PONG, PONG, PONG], 1),
        ([REFUSED, PONG] * 3, 1),
        ([], 0),
    ],
)
def test_answers_are_counted_by_queue(results, answers):
    assert rpc_ping.answered(Channel(results), {"known": 2}) == {"known": answers}


def test_a_queue_without_consumers_gets_no_ping():
    assert rpc_ping.answered(Channel([PONG]), {"known": 0}) == {"known": 0}


def test_a_queue_is_known_or_absent():
    assert rpc_ping.state(Channel([]), "known") == (4, 2)
    assert rpc_ping.state(Channel([]), "other") is None


@pytest.mark.parametrize(("silent", "found"), [(rpc_ping.TRIES - 1, (4, 2)), (rpc_ping.TRIES, (0, 0))])
def test_a_queue_that_seems_empty_is_read_again(monkeypatch, silent, found):
    monkeypatch.setattr(rpc_ping, "PAUSE", 0)
    assert rpc_ping.state(Channel([], silent), "known") == found


def test_the_script_prints_what_the_fact_reads(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(rpc_ping, "connected", lambda _: Channel([PONG] * 5))
    (config := tmp_path / "nova.conf").write_text(URL)
    rpc_ping.main(str(config), "known", "other")
    assert rpc.parse(capsys.readouterr().out) == {
        "known": Served(exists=True, waiting=4, consumers=2, answers=1),
        "other": Served(),
    }


class Leaving(Channel):
    """One of the two consumers takes no ping and leaves, so that the other one answers all."""

    def queue_declare(self, queue="", **_):
        left = bool(queue) and not self.results
        return amqp.protocol.queue_declare_ok_t(queue or "reply", 4, 1 if left else 2)


def test_a_consumer_that_leaves_meanwhile_is_not_counted(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(rpc_ping, "connected", lambda _: Leaving([PONG] * 6))
    (config := tmp_path / "nova.conf").write_text(URL)
    rpc_ping.main(str(config), "known")
    assert capsys.readouterr().out == "known 4 1 1\n"
