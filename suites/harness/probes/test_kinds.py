"""The clients of probes: which answers each accepts, and what each records of a write without an answer."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from deploy import certificate
from fixtures.probes.attempt import Attempt, reason
from fixtures.probes.clients import amqp, amqp_write, credential, http, http_kept, ping, sql, sql_write, tcp, token
from fixtures.probes.clients.http_answer import Answer
from fixtures.probes.loop import Failed, Loop

HOST = "127.0.0.1"
ACCOUNT = {"user": "u", "password": "hunter2"}


def run(client: Callable[[Attempt], Coroutine], deadline: float = 3.0) -> tuple[Attempt, str]:
    """Make one attempt, and return why it failed; empty: it succeeded."""
    loop, ends, attempt = Loop(), [], Attempt(1, deadline)
    loop.start(client(attempt), time.monotonic() + deadline, ends.append)
    while loop.running:
        loop.turn(time.monotonic() + 1)
    return attempt, reason(ends[0]) if ends[0] else ""


@contextmanager
def speaking(*talk: bytes | None) -> Iterator[int]:
    """A server that reads before each of its replies, then closes; on None it stays silent and open."""
    listener = socket.create_server((HOST, 0))
    over = threading.Event()

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                for number, words in enumerate(talk):
                    if number and not sock.recv(65536):
                        break
                    if words is None:
                        over.wait(10)
                        break
                    sock.sendall(words)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    over.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture
def nobody() -> int:
    """A port without a listener."""
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def answered(*pieces: bytes) -> Answer | None:
    """Return the answer, which must be complete with the last piece and not before."""
    answer = Answer()
    assert not any(answer.take(piece) for piece in pieces[:-1])
    return answer if answer.take(pieces[-1]) else None


def test_a_request_prefers_json_and_accepts_anything():
    asked = http.request("GET", (HOST, 80), "/", {})
    assert b"\r\nAccept: application/json, */*;q=0.1\r\n" in asked


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"ab", b"c"),
        (b"HTTP/1.1 200", b" OK\r\ncontent-length:0\r\n\r", b"\n"),
        (b"HTTP/1.1 200 OK\r\n\r\nall of it", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n", b"0\r\n", b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (b"HTTP/1.1 204 No Content\r\n\r\n",),
    ],
)
def test_an_answer_is_complete_with_its_last_piece(pieces):
    assert answered(*pieces)


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((b"",), "without an answer"),
        ((b"HTTP/1.1 200 OK\r\n", b""), "before the whole answer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", b""), "before the whole answer"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b""), "before the whole answer"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",), "not an HTTP answer"),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), "not an HTTP answer"),
    ],
)
def test_an_incomplete_answer_is_a_failure(pieces, why):
    with pytest.raises(Failed, match=why):
        answered(*pieces)


@pytest.mark.parametrize(("header", "kept"), [(b"", True), (b"Connection: close\r\n", False)])
def test_a_connection_is_reusable_unless_the_server_closes_it(header, kept):
    answer = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + header + b"\r\n")
    assert answer.reusable == kept


def test_an_unexpected_status_is_a_failure():
    with speaking(b"", b"HTTP/1.1 503 No server\r\nContent-Length: 0\r\n\r\n") as port:
        assert run(http.Client(HOST, port))[1] == "status 503"
        assert run(http.Client(HOST, port, expect=(200, 503)))[1] == ""


def test_a_tcp_client_waits_for_the_banner(nobody):
    with speaking(b"SSH-2.0-x\r\n", None) as port:
        assert run(tcp.Client(HOST, port, banner="SSH-"))[1] == ""
    with speaking(b"HTTP\r\n") as port:
        assert run(tcp.Client(HOST, port, banner="SSH-"))[1] in {"closed before the banner", "connection reset by peer"}
    assert run(tcp.Client(HOST, nobody))[1] == "connection refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket takes root")
def test_a_ping_is_answered():
    assert run(ping.Client(HOST))[1] == ""


def test_a_ping_accepts_only_its_own_reply():
    asked = ping.echo(7, b"12345678")
    reply = b"\0" + asked[1:]
    assert ping._matches(reply, 7, b"12345678")
    assert not ping._matches(asked, 7, b"12345678")  # on the loopback a raw socket also receives the request
    assert not ping._matches(reply, 8, b"12345678")
    assert not ping._matches(reply, 7, b"another")
    assert not ping._matches(reply[:4], 7, b"12345678")


def test_an_echo_request_has_a_valid_checksum():
    assert ping.checksum(ping.echo(7, b"12345678")) == 0


def test_the_token_is_read_from_a_header():
    client = {**ACCOUNT, "project": "admin"}
    with speaking(b"", b"HTTP/1.1 201 Created\r\nX-Subject-Token: abc\r\nContent-Length: 0\r\n\r\n") as port:
        assert run(token.Client(HOST, port, **client))[1] == ""
    with speaking(b"", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as port:
        assert run(token.Client(HOST, port, **client))[1] == "an answer without a token"


def test_the_password_is_used_once_and_a_stale_token_is_dropped():
    made = b"HTTP/1.1 201 Created\r\nX-Subject-Token: abc\r\nContent-Length: 0\r\n\r\n"
    client = token.Client(HOST, 1, **ACCOUNT, project="admin")
    assert client._password["password"]["user"]["password"] == "hunter2"
    with speaking(b"", made) as port:
        client._address = (HOST, port)
        assert run(client)[1] == ""
    assert client._held == "abc"
    for answer, held in ((b"", "abc"), (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "")):
        with speaking(b"", answer) as port:
            client._address = (HOST, port)
            assert run(client)[1] != ""
        assert client._held == held


@pytest.mark.parametrize(
    ("answer", "failure", "unknown"),
    [
        (b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "", True),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "status 403", False),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "status 409", True),
        (b"HTTP/1.1 504 Too late\r\nContent-Length: 0\r\n\r\n", "status 504", True),
        (b"", "closed without an answer", True),
        (None, "no answer in time", True),
    ],
)
def test_a_written_api_object_is_acknowledged_refused_or_unknown(answer, failure, unknown):
    with speaking(b"", answer) as port:
        client = credential.Client(HOST, port, token="t", owner="u1", run="r1")
        attempt, why = run(client, deadline=0.3 if answer is None else 3.0)
    assert (why, attempt.sent, attempt.writes) == (failure, unknown, True)


def test_without_a_listener_no_api_object_is_sent(nobody):
    attempt, why = run(credential.Client(HOST, nobody, token="t", owner="u1", run="r1"))
    assert (why, attempt.sent, attempt.writes) == ("connection refused", False, True)


def test_an_attempt_may_use_one_connection_after_another():
    with speaking(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        client = http.Client(HOST, port)

        async def twice(attempt: Attempt) -> None:
            await client(attempt)
            await client(attempt)

        assert run(twice)[1] == ""


def test_numbers_are_read_from_the_credentials_of_a_run():
    listed = [{"type": "totp", "blob": "secret"}, *({"type": credential.kind("r1"), "blob": n} for n in ("7", "12"))]
    assert credential.numbers("r1", [*listed, {"type": credential.kind("r10"), "blob": "3"}]) == [7, 12]


def packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = packet(
    0,
    b"\x0a11.0.0-test\0" + b"\1\0\0\0" + b"12345678\0" + b"\xff\xf7" + b"\x21\2\0" + b"\xff\x81" + b"\x15" + bytes(10)
    + b"123456789012\0" + b"mysql_native_password\0",
)  # fmt: skip
OK = b"\0\0\0\2\0\0\0"
LOGIN, NAMES, COMMIT = packet(2, OK), packet(1, OK), packet(1, OK)
DEADLOCK, KILLED = (packet(1, b"\xff" + code.to_bytes(2, "little") + b"#40001words") for code in (1213, 1927))


@pytest.mark.parametrize(
    ("talk", "failure", "unknown"),
    [
        ((GREETING, LOGIN, NAMES, COMMIT), "", True),
        ((GREETING, LOGIN, NAMES, DEADLOCK), "SQL error 1213", False),
        ((GREETING, LOGIN, NAMES, KILLED), "SQL error 1927", True),
        ((GREETING, LOGIN, NAMES, b""), "connection lost", True),
        ((GREETING, LOGIN, NAMES, None), "no answer in time", True),
        ((GREETING, LOGIN, None), "no answer in time", False),
        ((None,), "no answer in time", False),
        ((b"",), "connection lost", False),
        ((b"SSH-2.0-x\r\n",), None, False),
    ],
)
def test_a_written_row_is_acknowledged_refused_or_unknown(talk, failure, unknown):
    with speaking(*talk) as port:
        attempt, why = run(sql_write.Client(HOST, port, **ACCOUNT, run="r1"), 0.5 if None in talk else 3.0)
    assert (attempt.sent, attempt.writes) == (unknown, True)
    assert why == failure or (failure is None and why)


def test_a_missing_database_refuses_the_connection(nobody):
    assert run(sql.Client(HOST, nobody, **ACCOUNT))[1] == "connection refused"


@pytest.mark.parametrize("kind", [amqp.Client([HOST], 1, **ACCOUNT), amqp_write.Client([HOST], 1, **ACCOUNT, run="r1")])
@pytest.mark.parametrize("talk", [(b"", b""), (b"", b"HTTP/1.1 400 Bad\r\n\r\n"), (b"", None)])
def test_a_silent_queue_is_a_failure_at_the_deadline(kind, talk):
    link = kind.link if isinstance(kind, amqp.Client) else kind._link
    with speaking(*talk) as link._port:
        began = time.monotonic()
        attempt, why = run(kind, deadline=0.4)
        assert why
        assert time.monotonic() - began < 2
    assert not attempt.sent


def test_after_a_failure_the_next_attempt_uses_the_next_member():
    with speaking(b"") as port:
        client = amqp.Client([HOST, "localhost"], port, **ACCOUNT)
        asked = [run(client)[0].detail for _ in range(3)]
    assert asked == [f"new connection to {host}" for host in (HOST, "localhost", HOST)]


def test_after_a_refusal_the_next_member_is_tried_at_once():
    with speaking(b"") as port:
        attempt, why = run(amqp.Client(["127.0.0.2", HOST], port, **ACCOUNT))
    assert attempt.detail == f"new connection to {HOST}"
    assert why != "connection refused"


def test_a_refusal_by_all_members_is_one_failure(nobody):
    client = amqp.Client(["127.0.0.1", "127.0.0.2", "127.0.0.3"], nobody, **ACCOUNT)
    attempt, why = run(client)
    assert (attempt.detail, why) == ("new connection to 127.0.0.3", "connection refused")


def test_no_other_member_is_tried_once_the_number_may_be_sent(monkeypatch):
    asked = []

    def refused_late(connection, queue, attempt, work):
        asked.append(attempt.detail)
        attempt.sent = True
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(amqp, "_guarded", refused_late)
    attempt, _ = run(amqp_write.Client([HOST, "127.0.0.2"], 1, **ACCOUNT, run="r1"))
    assert (asked, attempt.sent) == ([f"new connection to {HOST}"], True)


# -- TLS -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki(tmp_path_factory) -> Path:
    """A folder with an authority, another one, and a certificate for HOST that the first one signed."""
    folder = tmp_path_factory.mktemp("pki")
    signer = certificate.authority("probes")
    (folder / "ca.pem").write_text(certificate.public(signer))
    (folder / "other.pem").write_text(certificate.public(certificate.authority("others")))
    (folder / "server.pem").write_text(certificate.server(signer, IPv4Address(HOST), []))
    return folder


@contextmanager
def secured(pki: Path, handshakes: list[int]) -> Iterator[int]:
    """A server that answers every request over TLS and keeps connections; it counts handshakes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki / "server.pem")
    listener = socket.create_server((HOST, 0))
    over = threading.Event()

    def serve(sock: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(sock, server_side=True) as wrapped:
            handshakes.append(1)
            while wrapped.recv(65536):
                wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40000)

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    over.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_new_connection_shakes_hands_each_time_and_a_kept_one_once(pki):
    handshakes: list[int] = []
    with secured(pki, handshakes) as port:
        ca = str(pki / "ca.pem")
        new, kept = http.Client(HOST, port, ca=ca), http_kept.Client(HOST, port, ca=ca)
        assert [run(new)[1] for _ in range(3)] == [""] * 3
        assert len(handshakes) == 3
        attempts = [run(kept) for _ in range(3)]
        assert [why for _, why in attempts] == [""] * 3
        assert [attempt.detail for attempt, _ in attempts] == ["new connection: first", "", ""]
        assert len(handshakes) == 4


def test_a_certificate_of_another_authority_is_a_failure_of_the_cluster(pki):
    with secured(pki, []) as port:
        assert run(http.Client(HOST, port, ca=str(pki / "other.pem")))[1].startswith("TLS: ")
        assert run(http.Client(HOST, port, ca=""))[1].startswith("TLS: ")


def test_a_plain_server_is_no_server_with_tls(pki):
    with speaking(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        assert run(http.Client(HOST, port))[1] == ""
        assert run(http.Client(HOST, port, ca=str(pki / "ca.pem")))[1] == "TLS: wrong version number"


def test_a_handshake_without_an_answer_ends_at_the_deadline(pki):
    with speaking(b"", None) as port:
        assert run(http.Client(HOST, port, ca=str(pki / "ca.pem")), 0.3)[1] == "no answer in time"


def test_a_connection_that_ends_during_the_handshake_is_a_failure(pki):
    with speaking(b"") as port:
        assert run(http.Client(HOST, port, ca=str(pki / "ca.pem")))[1]
