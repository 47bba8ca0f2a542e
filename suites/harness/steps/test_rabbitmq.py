"""RabbitMQ's status comes from the management plugin; no answer is another finding than no members."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy.catalogue import Address, Addresses
from deploy.making import amiss
from deploy.snapshot import Snapshot
from deploy.steps import rabbitmq as step

MEMBERS = [f"rabbit@controller0{n}" for n in (1, 2, 3)]


def listening(monkeypatch, port: int) -> None:
    """Addresses that place every service at one port of the loopback."""
    monkeypatch.setattr(Addresses, "at", lambda *_: Address("http", "127.0.0.1", port))


@pytest.fixture
def answering(monkeypatch):
    """Start a management plugin on the loopback that lists the given members to clients with the given password."""
    servers = []

    def start(password: str, *members: str) -> None:
        account = "Basic " + base64.b64encode(f"monitor:{password}".encode()).decode()

        class Plugin(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = (self.path, self.headers["Authorization"]) == ("/api/nodes", account)
                body = json.dumps([{"name": name, "running": True} for name in members]).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Plugin))
        listening(monkeypatch, servers[-1].server_address[1])
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.05}).start()

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture(autouse=True)
def running(monkeypatch):
    """RabbitMQ's units have no finding."""
    monkeypatch.setattr(amiss, "ordinary", lambda *_: iter(()))


def texts(site) -> list[str]:
    return [str(found) for found in step.amiss(Snapshot(site))]


def test_three_members_are_a_whole_cluster(site, answering):
    answering(site.secrets["rabbitmq.monitor"], *MEMBERS)
    assert texts(site) == []


def test_missing_member_is_reported(site, answering):
    answering(site.secrets["rabbitmq.monitor"], *MEMBERS[:2])
    text = "RabbitMQ: 2 of 3 members run, partitions: none, alarms: none"
    assert texts(site) == [f"controller0{number}: {text}" for number in (1, 2, 3)]


def test_refused_request_is_not_reported_as_missing_members(site, answering):
    answering("another", *MEMBERS)
    finding, *_ = texts(site)
    assert "RabbitMQ answers 401 at http://127.0.0.1" in finding


def test_unreachable_plugin_is_reported_without_the_password(site, monkeypatch):
    listening(monkeypatch, 1)
    finding, *others = texts(site)
    assert len(others) == 2
    assert finding == "controller01: RabbitMQ does not answer at http://127.0.0.1:1/api/nodes: ConnectionError"
