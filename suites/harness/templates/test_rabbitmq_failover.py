"""rabbitmq-failover: refuses connections to a member after two polls without an answer, and never to all members."""

import socket

import pytest

MEMBERS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


@pytest.fixture
def script(shipped):
    return shipped("rabbitmq-failover")


@pytest.fixture
def poll(script):
    """One poll, given the members that answer; returns the members to refuse, and those to let through again."""
    watch = script.Watch(MEMBERS)

    def run(*answering):
        return watch.poll(lambda member: member in answering)

    return run


FIRST, SECOND, THIRD = MEMBERS


def test_a_single_missed_poll_refuses_nothing(poll):
    assert poll(FIRST, SECOND) == (set(), set())
    assert poll(*MEMBERS) == (set(), set())
    assert poll(FIRST, SECOND) == (set(), set())


def test_a_member_is_refused_after_two_missed_polls_and_reported_once(poll):
    poll(FIRST, SECOND)
    assert poll(FIRST, SECOND) == ({THIRD}, set())
    assert poll(FIRST, SECOND) == (set(), set())


def test_a_member_that_answers_is_let_through_at_once(poll):
    poll(FIRST, SECOND)
    poll(FIRST, SECOND)
    assert poll(*MEMBERS) == (set(), {THIRD})


def test_nothing_is_refused_while_no_member_answers(poll):
    poll(FIRST)
    assert poll(FIRST) == ({SECOND, THIRD}, set())
    assert poll() == (set(), set())  # the first member has missed one poll only
    assert poll() == (set(), {SECOND, THIRD})


@pytest.fixture
def server(monkeypatch):
    """A server on this machine; packets carry no mark, for which a test may lack the right."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(socket.socket, "setsockopt", lambda *_: None)
        yield server


def test_a_member_that_accepts_connections_answers(script, server):
    assert script.answers(*server.getsockname())


def test_a_member_that_refuses_connections_answers(script, server):
    member = server.getsockname()
    server.close()
    assert script.answers(*member)


def test_a_silent_member_does_not_answer(script, server, monkeypatch):
    monkeypatch.setattr(script, "PATIENCE", 0.2)
    server.listen(0)
    with socket.create_connection(server.getsockname()):  # fills the backlog, so the next connection gets no answer
        assert not script.answers(*server.getsockname())


def test_the_unit_names_the_port_and_the_members(tree_of):
    unit = tree_of("lab")["compute01"]["/etc/systemd/system/rabbitmq-failover.service"].text
    assert "/rabbitmq-failover 5672 172.16.181.31 172.16.181.32 172.16.181.33\n" in unit


def test_the_rules_refuse_connections_to_that_port(script):
    assert "ip daddr @silent tcp dport 5672 reject" in script.ruleset(5672)
