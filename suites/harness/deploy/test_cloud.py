"""The cloud's API: one sign-in for all sessions of a process, retries, and objects that another step created."""

import json
from dataclasses import replace
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
from deploy.catalogue import Addresses
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


class Keystone(BaseHTTPRequestHandler):
    """Accepts every password, and every token but those in `ended`; its catalogue has one endpoint, its own."""

    def do_GET(self):
        own = f"http://127.0.0.1:{self.server.server_port}/v3"
        if self.path == "/v3":
            version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": own}]}
            self._answer(200, {"version": version})
        elif self.headers["X-Auth-Token"] in self.server.ended:
            self._answer(401, {"error": {"code": 401, "message": "no", "title": "Unauthorized"}})
        else:
            self._answer(200, {"projects": []})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["auth"]
        user = asked["identity"]["password"]["user"]["name"]
        self.server.signed_in.append((user, asked["scope"]["project"]["name"]))
        url = f"http://127.0.0.1:{self.server.server_port}/v3"
        endpoint = {"id": "e", "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": url}
        domain = {"id": "default", "name": "Default"}
        token = {
            "methods": ["password"],
            "user": {"id": user, "name": user, "domain": domain},
            "project": {"id": "p", "name": "p", "domain": domain},
            "roles": [],
            "issued_at": "2100-01-01T00:00:00.000000Z",
            "expires_at": "2100-01-01T01:00:00.000000Z",
            "catalog": [{"id": "s", "name": "keystone", "type": "identity", "endpoints": [endpoint]}],
        }
        self._answer(201, {"token": token}, {"X-Subject-Token": f"token {len(self.server.signed_in)}"})

    def _answer(self, status, body, headers=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(text))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def keystone():
    with HTTPServer(("127.0.0.1", 0), Keystone) as server:
        server.signed_in, server.ended = [], set()
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def connect(site_of, keystone, monkeypatch):
    """A session at the Keystone above, which closes at the end."""
    monkeypatch.setattr(Addresses, "endpoint", lambda *_: f"http://127.0.0.1:{keystone.server_port}/v3")
    monkeypatch.setattr(cloud, "_SIGN_INS", {})
    site, opened = site_of("two-node"), []

    def open_(*account, secrets=site.secrets, **options):
        opened.append(cloud.connect(replace(site, secrets=secrets), *account, **options))
        return opened[-1]

    yield open_
    for session in opened:
        session.close()
        session.session.session.close()


def listed(session):
    """Whether the session lists the projects."""
    return list(session.identity.projects()) == []


def test_sessions_of_an_account_share_one_sign_in(connect, keystone):
    assert listed(connect())
    with connect() as session:
        assert listed(session)
    assert listed(connect())
    assert keystone.signed_in == [("admin", "admin")]


def test_another_user_project_or_password_signs_in_itself(connect, keystone):
    changed = {"keystone.admin": "changed"}
    for session in (connect(), connect("demo"), connect("admin", "demo"), connect(secrets=changed)):
        assert listed(session)
    assert keystone.signed_in == [("admin", "admin"), ("demo", "demo"), ("admin", "demo"), ("admin", "admin")]


def test_a_refused_token_leads_to_a_new_sign_in_for_all_sessions(connect, keystone):
    first, second = connect(), connect()
    assert listed(first)
    keystone.ended.add("token 1")
    assert listed(second)
    assert (first.auth_token, second.auth_token) == ("token 2", "token 2")
    assert len(keystone.signed_in) == 2


def test_a_session_that_proves_a_sign_in_shares_none(connect):
    assert [connect(anew=True).auth_token for _ in range(2)] == ["token 1", "token 2"]
    assert [connect().auth_token for _ in range(2)] == ["token 3", "token 3"]


def test_sessions_after_a_change_of_the_catalogue_sign_in_again(connect, keystone):
    earlier = connect()
    assert listed(earlier)
    cloud.sign_out()
    assert listed(earlier)
    assert keystone.signed_in == [("admin", "admin")]
    assert connect().auth_token == "token 2"


class Endpoints:
    """Keystone's service `glance`, as far as its endpoints are concerned."""

    def __init__(self) -> None:
        self.identity, self.there = self, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def services(self, **_):
        return iter([SimpleNamespace(id="s")])

    def endpoints(self, **_):
        return iter(self.there)

    def create_endpoint(self, interface, url, **_):
        self.there.append(SimpleNamespace(interface=interface, url=url))
        return self.there[-1]

    def update_endpoint(self, endpoint, url):
        endpoint.url = url

    def delete_endpoint(self, endpoint):
        self.there.remove(endpoint)

    def delete_service(self, _):
        assert not self.there


def test_only_a_change_of_endpoints_ends_the_sign_ins(site_of, monkeypatch):
    keystone, site, signed_in = Endpoints(), site_of("two-node"), {}
    monkeypatch.setattr(cloud, "connect", lambda _: keystone)
    monkeypatch.setattr(cloud, "_SIGN_INS", signed_in)

    def kept(change):
        signed_in["admin"] = "a token with a catalogue"
        change()
        return bool(signed_in)

    def build():
        cloud.register_endpoints(site, site.catalogue.project("glance"))

    assert [kept(build), kept(build)] == [False, True]
    keystone.there[0].url = "http://moved"
    assert [kept(build), kept(build)] == [False, True]
    assert not kept(lambda: cloud.unregister(site, [("glance", "image")], ""))
