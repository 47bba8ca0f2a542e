"""The browser of checks: it signs in by the form, keeps its cookies from one address to the other, and signs out."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from fixtures.checks.dashboard import Browser, Visit, Visited, visit


class Horizon(BaseHTTPRequestHandler):
    """Lets one user in who sends back the form's token; who has its session reads a page."""

    def do_GET(self):
        sent = self.headers.get("Cookie", "")
        if self.path == "/auth/login/":
            self.answer(200, "csrftoken=form; Path=/; SameSite=Lax; Secure")
        elif self.path == "/auth/logout/":
            self.answer(302, 'sessionid=""; Max-Age=0; Path=/')
        else:
            self.answer(200 if "sessionid=known" in sent else 302)

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = sent["csrfmiddlewaretoken"] == ["form"] and "csrftoken=form" in self.headers["Cookie"]
        if right and (sent["username"], sent["password"]) == (["demo"], ["right"]):
            self.answer(302, "sessionid=known; HttpOnly; Max-Age=3600; Path=/; SameSite=Lax; Secure")
        else:
            self.answer(200)

    def answer(self, status, cookie=""):
        self.server.asked.append((self.command, self.path))
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def horizon():
    with HTTPServer(("127.0.0.1", 0), Horizon) as server:
        server.asked = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def url(horizon):
    return f"http://127.0.0.1:{horizon.server_port}"


def test_a_visit_reads_a_page_and_leaves_no_session(url, horizon):
    found = visit(Visit(url, url, "demo", "right"))
    assert (found.signed_in, found.read) == (302, 200)
    assert found.cookies == {
        "csrftoken": ("Secure", "SameSite=Lax"),
        "sessionid": ("Secure", "HttpOnly", "SameSite=Lax"),
    }
    assert horizon.asked[-1] == ("GET", "/auth/logout/")


def test_a_refused_user_reads_no_page(url):
    found = visit(Visit(url, url, "demo", "wrong"))
    assert (found.signed_in, found.read) == (200, 302)


def test_a_member_that_does_not_answer_is_status_0_with_the_reason(url):
    dead = "http://127.0.0.1:1"
    found = visit(Visit(dead, url, "demo", "right"))
    assert found == Visited(why=found.why)
    assert found.why.startswith("ConnectionError")
    assert visit(Visit(url, dead, "demo", "right")).signed_in == 302


def test_a_cookie_that_was_deleted_is_not_sent_again(url):
    browser = Browser(url)
    browser.sign_in("demo", "right")
    assert browser.get("/settings/").status_code == 200
    browser.sign_out()
    assert browser.get("/settings/").status_code == 302


def test_the_password_is_not_shown():
    assert "secret" not in repr(Visit("http://a", "http://b", "demo", "secret"))
