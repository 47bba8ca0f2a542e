"""Building through the cloud's API: retries after a start, and objects that another step created."""

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
    """An API on 127.0.0.1 that answers 500 `failures` times, then 200."""

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


def test_client_with_retries_waits_for_an_api_that_just_started(failing, api):
    cloud.retry_server_errors(api)
    assert api.get("/").status_code == 200
    assert failing.asked == 2


def test_other_clients_do_not_retry(failing, api):
    with pytest.raises(InternalServerError):
        api.get("/")
    assert failing.asked == 1


def refuse():
    raise ConflictException("409: it exists")


def test_object_created_by_a_parallel_step_is_used():
    found = iter([None, "theirs"])
    changes = []
    unsubscribe = JOURNAL.subscribe(changes.append)
    assert cloud._ensured("role service", lambda: next(found), refuse) == "theirs"
    unsubscribe()
    assert not changes


def test_existing_object_is_not_created_again():
    there = SimpleNamespace(name="service")
    assert cloud._ensured("role service", lambda: there, lambda: pytest.fail("made again")) is there


class Roles:
    """Keystone with the users of services, as far as roles are concerned; a user, project and role is its name."""

    def __init__(self, *given: str) -> None:
        self.given = set(given)

    @property
    def identity(self):
        return self

    def find_user(self, name):
        return name

    def find_role(self, name):
        return name

    def create_role(self, name):
        raise AssertionError(name)

    def find_project(self, name, **_):
        return name

    def validate_user_has_project_role(self, _, __, role):
        return role in self.given

    def unassign_project_role_from_user(self, _, __, role):
        self.given.remove(role)


def test_an_administrator_without_need_is_one_no_longer():
    keystone = Roles("admin", "service")
    cloud._no_admin(keystone, "glance")
    cloud._no_admin(keystone, "glance")
    assert keystone.given == {"service"}


class Options:
    """Keystone with one user, as far as the user's options are concerned."""

    def __init__(self, **options: bool) -> None:
        self.options, self.identity = options, self

    def get(self, _):
        return SimpleNamespace(status_code=200, json=lambda: {"user": {"options": self.options}})

    def patch(self, url, json):
        assert url == "/users/u1"
        self.options |= json["user"]["options"]
        return SimpleNamespace(status_code=200)


def test_a_user_of_the_build_is_exempted_once(events):
    keystone, user = Options(lock_password=True), SimpleNamespace(name="nova", id="u1")
    cloud.exempt(keystone, user)
    cloud.exempt(keystone, user)
    assert keystone.options == {"lock_password": True, **cloud.EXEMPT}
    assert [event.text for event in events] == ["exempted nova from lock-out, expiry and inactivity"]
