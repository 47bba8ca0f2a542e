"""Sign-in: the request to Keystone and the ticket made from its answer; a local HTTP server plays Keystone."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from fixtures.checks.questions import SignIn, Ticket
from fixtures.checks.readings import Readings


class Keystone(BaseHTTPRequestHandler):
    """Accepts one user, and records the requests."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["auth"]
        self.server.asked.append((self.path, asked))
        user = asked["identity"]["password"]["user"]
        self.send_response(201 if (user["name"], user["password"]) == ("demo", "right") else 401)
        self.send_header("X-Subject-Token", "gAAAA")
        self.end_headers()

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def keystone():
    with HTTPServer(("127.0.0.1", 0), Keystone) as server:
        server.asked = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def sign_in(site_of, keystone):
    readings = Readings(site_of("lab"))
    yield lambda *user: readings.sign_in(f"http://127.0.0.1:{keystone.server_port}/v3", *user)
    readings.close()


def test_an_accepted_sign_in_returns_a_token(sign_in):
    assert sign_in("demo", "right") == Ticket(201, "gAAAA")


def test_a_refused_sign_in_returns_no_token(sign_in):
    assert sign_in("demo", "wrong") == Ticket(401)


def test_a_named_project_is_the_scope_of_the_request(sign_in, keystone):
    sign_in("demo", "right", "work")
    sign_in("demo", "right")
    scopes = [asked.get("scope") for _, asked in keystone.asked]
    assert scopes == [{"project": {"name": "work", "domain": {"name": "Default"}}}, None]


def test_a_closed_port_is_status_0_with_the_type_of_the_error(site_of):
    readings = Readings(site_of("lab"))
    ticket = readings.sign_in("http://127.0.0.1:1/v3", "demo", "right")
    readings.close()
    assert (ticket.status, ticket.token, ticket.why) == (0, "", "ConnectionError")


def test_password_and_token_are_not_in_the_repr():
    assert "secret" not in repr(SignIn("http://a/v3", "demo", "secret")) + repr(Ticket(201, "secret"))
