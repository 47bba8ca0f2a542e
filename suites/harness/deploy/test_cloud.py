"""Building through the cloud's API: what just started is asked again, and what another step made is taken."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import InternalServerError
from keystoneauth1.noauth import NoAuth
from keystoneauth1.session import Session
from openstack.exceptions import ConflictException

from deploy import cloud
from deploy.journal import JOURNAL


@pytest.fixture
def failing():
    """An API on loopback that answers 500 so many times, and 200 then."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(500 if self.server.asked <= self.server.failures else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.failures = 0, 1
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(failing):
    with_own_session = Session(auth=NoAuth())
    yield Adapter(with_own_session, endpoint_override=f"http://127.0.0.1:{failing.server_port}")
    with_own_session.session.close()


def test_an_api_that_just_started_is_asked_again(failing, api):
    cloud.patient(api)
    assert api.get("/").status_code == 200
    assert failing.asked == 2


def test_others_are_not(failing, api):
    with pytest.raises(InternalServerError):
        api.get("/")
    assert failing.asked == 1


def refuse():
    raise ConflictException("409: it exists")


def test_what_another_step_made_in_the_same_moment_is_taken():
    found = iter([None, "theirs"])
    changes = []
    unsubscribe = JOURNAL.subscribe(changes.append)
    assert cloud._ensured("role service", lambda: next(found), refuse) == "theirs"
    unsubscribe()
    assert not changes


def test_what_is_there_is_not_made():
    there = SimpleNamespace(name="service")
    assert cloud._ensured("role service", lambda: there, lambda: pytest.fail("made again")) is there
