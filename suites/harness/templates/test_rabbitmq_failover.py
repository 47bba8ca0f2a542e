"""Leaving a silent member of RabbitMQ: after two looks without an answer, and never all of them."""

import socket

import pytest

MEMBERS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


@pytest.fixture
def script(shipped):
    return shipped("rabbitmq-failover")


@pytest.fixture
def looks(script):
    """What comes of looks, each given who answers in it."""
    watch = script.Watch(MEMBERS)

    def look(*answering):
        return watch.look(lambda member: member in answering)

    return look


FIRST, SECOND, THIRD = MEMBERS


def test_one_look_without_an_answer_is_none(looks):
    assert looks(FIRST, SECOND) == (set(), set())
    assert looks(*MEMBERS) == (set(), set())
    assert looks(FIRST, SECOND) == (set(), set())


def test_after_two_it_is_left_and_told_once(looks):
    looks(FIRST, SECOND)
    assert looks(FIRST, SECOND) == ({THIRD}, set())
    assert looks(FIRST, SECOND) == (set(), set())


def test_one_that_answers_is_had_back_at_once(looks):
    looks(FIRST, SECOND)
    looks(FIRST, SECOND)
    assert looks(*MEMBERS) == (set(), {THIRD})


def test_nobody_is_left_where_nobody_answers(looks):
    looks(FIRST)
    assert looks(FIRST) == ({SECOND, THIRD}, set())
    assert looks() == (set(), set())  # the first may have missed one look only
    assert looks() == (set(), {SECOND, THIRD})


@pytest.fixture
def server(monkeypatch):
    """A port of this machine, and the right to mark packets left out, which a test need not have."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(socket.socket, "setsockopt", lambda *_: None)
        yield server


def test_who_takes_a_connection_answers(script, server):
    assert script.answers(*server.getsockname())


def test_who_refuses_one_does_too(script, server):
    member = server.getsockname()
    server.close()
    assert script.answers(*member)


def test_who_is_silent_does_not(script, server, monkeypatch):
    monkeypatch.setattr(script, "PATIENCE", 0.2)
    server.listen(0)
    with socket.create_connection(server.getsockname()):  # takes the only place, so the next is not answered
        assert not script.answers(*server.getsockname())


def test_its_unit_names_the_port_and_the_members(tree_of):
    unit = tree_of("lab")["compute01"]["/etc/systemd/system/rabbitmq-failover.service"].text
    assert "/rabbitmq-failover 5672 172.16.181.31 172.16.181.32 172.16.181.33\n" in unit


def test_connections_to_that_port_are_refused(script):
    assert "ip daddr @silent tcp dport 5672 reject" in script.ruleset(5672)
