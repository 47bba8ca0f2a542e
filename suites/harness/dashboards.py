"""A small Horizon: a form to sign in by, and a page for those who are signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs


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


@contextmanager
def served() -> Iterator[HTTPServer]:
    """Serve it on loopback; its `asked` has the requests, each a method and a path."""
    with HTTPServer(("127.0.0.1", 0), Horizon) as server:
        server.asked = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
