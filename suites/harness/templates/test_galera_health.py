"""The health check of a Galera member: who waits shares the answer, and only one that hung is doubted afterwards."""

import threading

import pytest

WELL = {"wsrep_local_state": "4", "wsrep_ready": "ON", "wsrep_cluster_status": "Primary"}


@pytest.fixture
def health(shipped):
    return shipped("galera-health")


@pytest.fixture
def now(health, monkeypatch):
    """A clock that only moves when it is told to."""
    at = [100.0]

    def tick():
        at[0] += 0.001  # no two moments are the same
        return at[0]

    monkeypatch.setattr(health, "monotonic", tick)
    return at


@pytest.fixture
def member(health, now, monkeypatch):
    member = health.Member(clustered=True)
    member.answers = WELL

    def read():
        if isinstance(member.answers, Exception):
            raise member.answers
        return member.answers

    monkeypatch.setattr(member, "read", read)
    return member


def test_a_member_that_is_synced_serves(member):
    assert member.verdict()[0] == 200


@pytest.mark.parametrize(
    "wrong", [{"wsrep_local_state": "2"}, {"wsrep_ready": "OFF"}, {"wsrep_cluster_status": "non-Primary"}]
)
def test_a_member_that_is_not_does_not(member, wrong):
    member.answers = WELL | wrong
    assert member.verdict()[0] == 503


def test_a_single_database_serves_while_it_answers(health, monkeypatch):
    single = health.Member(clustered=False)
    monkeypatch.setattr(single, "read", dict)
    assert single.verdict() == (200, "up")


HANGS = OSError("timed out")
REFUSES = OSError("Connection refused")


def times(member, answer, count):
    member.answers = answer
    return [member.verdict()[0] for _ in range(count)]


def test_one_that_hung_is_doubted_for_a_while(member, health, now):
    assert times(member, HANGS, 2) == [503, 503]
    assert times(member, WELL, 1) == [503]
    now[0] += health.DOUBT
    assert times(member, WELL, 1) == [200]


def test_one_slow_answer_is_no_hang(member):
    times(member, HANGS, 1)
    assert times(member, WELL, 1) == [200]
    times(member, HANGS, 1)
    assert times(member, WELL, 1) == [200]


def test_one_that_was_started_anew_serves_at_once(member):
    times(member, REFUSES, 5)
    assert times(member, WELL, 1) == [200]


def test_one_that_lost_its_quorum_serves_at_once_when_it_is_back(member):
    times(member, WELL | {"wsrep_cluster_status": "non-Primary"}, 5)
    assert times(member, WELL, 1) == [200]


def test_who_waits_takes_the_answer_that_came_meanwhile(health, monkeypatch):
    """Three HAProxies ask a database that hangs: they are told at the same time, and it was asked once or twice."""
    member, asked, go_on = health.Member(clustered=True), [], threading.Event()

    def read():
        asked.append(1)
        go_on.wait(5)
        raise HANGS

    monkeypatch.setattr(member, "read", read)
    told = []
    threads = [threading.Thread(target=lambda: told.append(member.verdict())) for _ in range(3)]
    threads[0].start()
    while not asked:
        threads[0].join(0.01)
    for thread in threads[1:]:
        thread.start()
    threads[1].join(0.2)  # both wait by then
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert [code for code, _ in told] == [503, 503, 503]
    assert len(asked) == 1
