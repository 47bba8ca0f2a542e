"""galera-health: checks that wait share one result, and a node that hung gets 503 for some seconds more."""

import socket
import threading

import pytest

WELL = {"wsrep_local_state": "4", "wsrep_ready": "ON", "wsrep_cluster_status": "Primary"}


@pytest.fixture
def health(shipped):
    return shipped("galera-health")


@pytest.fixture
def now(health, monkeypatch):
    """A clock that moves only where the test moves it; each reading adds 1 ms."""
    at = [100.0]

    def tick():
        at[0] += 0.001  # so that no two readings are equal
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


def test_a_synced_node_serves(member):
    assert member.verdict()[0] == 200


@pytest.mark.parametrize(
    "wrong", [{"wsrep_local_state": "2"}, {"wsrep_ready": "OFF"}, {"wsrep_cluster_status": "non-Primary"}]
)
def test_an_unsynced_node_does_not_serve(member, wrong):
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


def test_a_node_that_hung_gets_503_for_some_seconds_more(member, health, now):
    assert times(member, HANGS, 2) == [503, 503]
    assert times(member, WELL, 1) == [503]
    now[0] += health.DOUBT
    assert times(member, WELL, 1) == [200]


def test_a_single_slow_answer_does_not_count_as_a_hang(member):
    times(member, HANGS, 1)
    assert times(member, WELL, 1) == [200]
    times(member, HANGS, 1)
    assert times(member, WELL, 1) == [200]


def test_a_restarted_node_serves_at_once(member):
    times(member, REFUSES, 5)
    assert times(member, WELL, 1) == [200]


def test_a_node_serves_as_soon_as_it_has_quorum_again(member):
    times(member, WELL | {"wsrep_cluster_status": "non-Primary"}, 5)
    assert times(member, WELL, 1) == [200]


def test_checks_that_wait_share_the_result_that_came_meanwhile(health, monkeypatch):
    """Three HAProxies check a database that hangs: all three get 503, from a single query."""
    member, queries, go_on = health.Member(clustered=True), [], threading.Event()

    def read():
        queries.append(1)
        go_on.wait(5)
        raise HANGS

    monkeypatch.setattr(member, "read", read)
    verdicts = []
    threads = [threading.Thread(target=lambda: verdicts.append(member.verdict())) for _ in range(3)]
    threads[0].start()
    while not queries:
        threads[0].join(0.01)
    for thread in threads[1:]:
        thread.start()
    threads[1].join(0.2)  # both wait by then
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert [code for code, _ in verdicts] == [503, 503, 503]
    assert len(queries) == 1


@pytest.fixture
def port(health, member, monkeypatch):
    """The port of the server on loopback, which gives clients half a second."""
    monkeypatch.setattr(health.Handler, "timeout", 0.5)
    server = health.Server(("127.0.0.1", 0), member)
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    running.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    running.join()


def asked(port, source):
    """The status line that a client of that address gets; empty where it is refused."""
    with socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(source, 0)) as client:
        try:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return client.recv(100).split(b"\r\n")[0].decode()
        except ConnectionError:
            return ""


def test_silent_clients_take_neither_all_threads_nor_the_checks_of_others(health, port):
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) for _ in range(60)]
    assert asked(port, "127.0.0.3") == "HTTP/1.0 200 OK"
    assert threading.active_count() - before <= health.MOST + 1
    for each in silent:
        each.settimeout(5)
        assert each.recv(1) == b""  # each is closed, the first ones after their time
        each.close()
    assert asked(port, "127.0.0.2") == "HTTP/1.0 200 OK"
