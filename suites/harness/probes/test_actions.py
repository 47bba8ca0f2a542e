"""The clients of tenants' actions: what each requests, when it succeeds, and what it deletes."""

import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from deploy import certificate
from fixtures.probes.clients import console, key, member, port, read, rpc, volume
from suites.harness.probes.test_kinds import HOST, run

ANSWERS = {
    "/v2.1/servers/s1/remote-consoles": {
        "remote_console": {"url": "http://127.0.0.1:{port}/vnc.html?path=%3Ftoken%3Dt1"}
    },
    "/v2.0/ports": {"port": {"id": "p1"}},
    "/v3/volumes": {"volume": {"id": "v1"}},
    "/v3/volumes/v1": {"volume": {"status": "available"}},
    "/v3/kv/put": {},
    "/v3/kv/range": {"kvs": [{}]},
}
CREATED = {"/v2.0/ports": 201, "/v3/volumes": 202}
SIGNER = certificate.authority("etcd")
KEEPING = {"key": "k", "certificate": certificate.client(SIGNER, "drill"), "authority": certificate.public(SIGNER)}


class Cloud:
    """A server that answers by path; `answers` and `status` replace what it usually says."""

    def __init__(self) -> None:
        self.answers, self.status, self.asked = dict(ANSWERS), {}, []
        self.silent = ""
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _serve(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.partition("?")[0]
                cloud.asked.append(f"{self.command} {path}")
                if cloud.silent == f"{self.command} {path}":
                    time.sleep(1)
                status, body = cloud.answer(self.command, path)
                if self.headers.get("Upgrade"):
                    self.wfile.write(
                        b"HTTP/1.1 101 Switching\r\n\r\n\x82\x0c" + cloud.answers.get("vnc", b"RFB 003.008\n")
                    )
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, method, path):
        if (status := self.status.get(f"{method} {path}")) is not None:
            return status, b"{}"
        if method == "DELETE":
            return 202 if path.startswith("/v3/volumes/") else 204, b""
        text = json.dumps(self.answers.get(path, {})).replace("{port}", str(self.port))
        return CREATED.get(path, 200) if method == "POST" else 200, text.encode()

    def secure(self, folder, address=HOST):
        """Speak TLS from now on, with a certificate for that address."""
        pem = folder / "server.pem"
        pem.write_text(certificate.member(SIGNER, IPv4Address(address)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.load_verify_locations(cadata=certificate.public(SIGNER))
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def cloud():
    there = Cloud()
    yield there
    there.close()


@pytest.fixture
def store(cloud, tmp_path):
    """The server as a member of etcd."""
    cloud.secure(tmp_path)
    return cloud


CLIENTS = {
    "read": lambda at: read.Client(**at, path="/v2.1/flavors", headers={}),
    "console": lambda at: console.Client(**at, path="/v2.1", server="s1"),
    "port": lambda at: port.Client(**at, name="n", network="n1"),
    "member": lambda at: member.Client(**at, image="i1"),
    "volume": lambda at: volume.Client(**at, name="n"),
}


def made(cloud, name):
    return CLIENTS[name]({"host": HOST, "port": cloud.port, "token": "t"})


@pytest.mark.parametrize("name", CLIENTS)
def test_an_action_that_is_done_succeeds(cloud, name):
    assert run(made(cloud, name))[1] == ""


@pytest.mark.parametrize(
    ("name", "request_", "status"),
    [
        ("read", "GET /v2.1/flavors", 403),
        ("read", "GET /v2.1/flavors", 500),
        ("console", "POST /v2.1/servers/s1/remote-consoles", 504),
        ("port", "POST /v2.0/ports", 503),
        ("port", "DELETE /v2.0/ports/p1", 500),
        ("member", "POST /v2/images/i1/members", 503),
        ("volume", "POST /v3/volumes", 413),
        ("volume", "GET /v3/volumes/v1", 503),
        ("volume", "DELETE /v3/volumes/v1", 400),
    ],
)
def test_a_refused_request_is_a_failure(cloud, name, request_, status):
    cloud.status[request_] = status
    assert run(made(cloud, name))[1].endswith(f"status {status}")


def test_a_console_without_a_vnc_server_is_a_failure(cloud):
    cloud.answers["vnc"] = b"nothing here"
    assert run(made(cloud, "console"))[1].startswith("closed before VNC's greeting")


def keeping(store, *others):
    return key.Client([*others, HOST], store.port, **KEEPING)


def test_a_key_is_written_and_read(store):
    assert run(keeping(store))[1] == ""
    assert store.asked == ["POST /v3/kv/put", "POST /v3/kv/range"]


def test_a_client_with_a_certificate_of_another_authority_is_refused(store):
    stranger = certificate.client(certificate.authority("stranger"), "drill")
    client = key.Client([HOST], store.port, **KEEPING | {"certificate": stranger})
    assert run(client)[1] != ""
    assert store.asked == []


def test_a_refused_write_is_a_failure(store):
    store.status["POST /v3/kv/put"] = 503
    assert run(keeping(store))[1] == "status 503"


def test_a_key_that_is_gone_is_a_failure(store):
    store.answers["/v3/kv/range"] = {}
    assert run(keeping(store))[1] == "the key is gone"


def test_a_member_without_tls_is_a_failure_of_the_cluster(cloud):
    assert run(keeping(cloud))[1].startswith("TLS: ")


def test_a_member_with_a_certificate_of_another_authority_is_a_failure_of_the_cluster(store):
    stranger = certificate.public(certificate.authority("stranger"))
    client = key.Client([HOST], store.port, **KEEPING | {"authority": stranger})
    assert run(client)[1] == "TLS: CERTIFICATE_VERIFY_FAILED"


def test_a_refused_connection_to_etcd_is_tried_at_the_next_member(store):
    assert run(keeping(store, "127.0.0.2"))[1] == ""


def test_attempts_to_etcd_that_overlap_leave_a_silent_member_once(store):
    with socket.create_server(("127.0.0.2", store.port)), ThreadPoolExecutor(2) as pool:
        client = keeping(store, "127.0.0.2")
        overlapping = [pool.submit(run, client, 0.5) for _ in range(2)]
        assert all(attempt.result()[1] for attempt in overlapping)
        assert run(client)[1] == ""


def test_a_later_attempt_deletes_what_an_earlier_one_left(cloud):
    client = made(cloud, "port")
    cloud.status["DELETE /v2.0/ports/p1"] = 500
    run(client)
    cloud.status.clear()
    cloud.answers["/v2.0/ports"] = {"port": {"id": "p9"}}
    assert run(client)[1] == ""
    assert cloud.asked[-3:] == ["DELETE /v2.0/ports/p1", "POST /v2.0/ports", "DELETE /v2.0/ports/p9"]


def test_an_attempt_that_ends_at_its_deadline_leaves_its_object_to_the_next(cloud):
    client = made(cloud, "port")
    cloud.silent = "DELETE /v2.0/ports/p1"
    assert run(client, deadline=0.6)[1] == "no answer in time"
    cloud.silent = ""
    cloud.asked.clear()
    assert run(client)[1] == ""
    assert cloud.asked[0] == "DELETE /v2.0/ports/p1"


def test_a_volume_is_deleted_once_it_is_available(cloud, monkeypatch):
    monkeypatch.setattr(volume, "AGAIN", 0.01)
    statuses, usual = iter(["creating", "creating", "available"]), cloud.answer

    def answer(method, path):
        if (method, path) == ("GET", "/v3/volumes/v1"):
            return 200, json.dumps({"volume": {"status": next(statuses)}}).encode()
        return usual(method, path)

    cloud.answer = answer
    assert run(made(cloud, "volume"))[1] == ""
    assert cloud.asked == ["POST /v3/volumes", *["GET /v3/volumes/v1"] * 3, "DELETE /v3/volumes/v1"]


@pytest.mark.parametrize("status", [202, 400, 404])
def test_a_volume_that_an_attempt_left_is_deleted_by_a_later_one_as_soon_as_it_can_be(cloud, status):
    client = made(cloud, "volume")
    cloud.answers["/v3/volumes/v1"] = {"volume": {"status": "error"}}
    assert run(client)[1] == "the volume is error"
    cloud.answers |= {"/v3/volumes": {"volume": {"id": "v2"}}, "/v3/volumes/v2": {"volume": {"status": "available"}}}
    cloud.status |= {"DELETE /v3/volumes/v1": status, "DELETE /v3/volumes/v2": 202}
    cloud.asked.clear()
    assert run(client)[1] == ""
    assert cloud.asked[:2] == ["DELETE /v3/volumes/v1", "POST /v3/volumes"]


class Queues:
    """A channel whose servers give each call this result, after an answer to an older one; None: no answer."""

    def __init__(self, result):
        self.asked, self._result, self._waiting = [], result, []

    def basic_publish(self, message, routing_key):
        call = json.loads(json.loads(message.body)["oslo.message"])
        self.asked.append((routing_key, call["method"], call["_reply_q"], message.properties["expiration"]))
        assert call["_context_read_deleted"] == "no"
        answered = ("old", call["_msg_id"]) if self._result is not None else ()
        self._waiting = [{"_msg_id": each, "result": self._result} for each in answered]

    def basic_get(self, _, **__):
        if not self._waiting:
            return None
        return SimpleNamespace(body=json.dumps({"oslo.message": json.dumps(self._waiting.pop(0))}))


@pytest.mark.parametrize(
    ("result", "failure"), [("pong", ""), ("", "the server answered with an error"), (None, "no answer in time")]
)
def test_a_call_is_answered_by_its_own_answer(monkeypatch, result, failure):
    queues = Queues(result)

    async def use(_, attempt, work):
        monkeypatch.setattr(type(attempt), "limit", 0.1)
        work(queues)

    monkeypatch.setattr(rpc.Link, "use", use)
    client = rpc.Client(
        [HOST], 1, user="u", password="p", virtual_host="nova", queue="conductor", answers="ledger-1-nova-conductor"
    )
    assert run(client, deadline=2.0)[1] == failure
    assert queues.asked == [("conductor", "oslo_rpc_server_ping", "ledger-1-nova-conductor", "2000")]
