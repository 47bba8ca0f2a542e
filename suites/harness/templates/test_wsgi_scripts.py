"""The WSGI scripts of APIs: a first request before a worker serves, and checks that fail while the database refuses."""

import re
import runpy
import socket
import struct
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pymysql
import pytest

from deploy import catalogue, inventory

SIGNED_IN = [
    service.program.rpartition("/")[2]
    for service in catalogue.load().of(inventory.load("lab")).services
    if service.program and service.health.signed_in and service.name != "keystone"
]
CHECK = {"HTTP_X_HEALTH_CHECK": "haproxy"}


def serves(application, environ=()):
    """True where the service's own application answers; else the status that the script answered with."""
    statuses = []
    return application(dict(environ), lambda status, _: statuses.append(status)) == [b"served"] or statuses[0]


# -- the first request ---------------------------------------------------------------------------------


@pytest.fixture
def starts(tree_of, tmp_path, monkeypatch):
    """Run a script beside stand-ins for the service's modules; return its application and the requests that it made."""

    driver = pymysql.connections.Connection
    monkeypatch.setattr(driver, "connect", driver.connect)  # undoes what the script replaces in this process

    def run(script, modules, status="200 OK"):
        requests = []

        def blank(path, headers):
            answer = SimpleNamespace(status=status)
            return SimpleNamespace(
                get_response=lambda app: requests.append((serves(app), path, headers, validates())) or answer
            )

        def validates():
            auth = modules.get("keystonemiddleware.auth_token")
            return auth and auth.AuthProtocol().process_request("a request")

        modules = {**modules, "webob": SimpleNamespace(Request=SimpleNamespace(blank=blank))}
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        program, wrapper = tmp_path / script, tmp_path / "wrapper"
        program.write_text("def application(environ, start_response):\n    return [b'served']\n")
        text = tree_of("lab")["controller01"][f"/etc/stackproof/uwsgi/{script}"].text
        wrapper.write_text(re.sub(r'run_path\(".*?"', f'run_path("{program}"', text))
        return runpy.run_path(str(wrapper))["application"], requests

    return run


@pytest.fixture
def keystone(starts):
    def run(issue=lambda *_, **__: SimpleNamespace(id="token"), status="200 OK", contexts=None):
        contexts = [] if contexts is None else contexts
        named = SimpleNamespace(get_user_by_name=lambda *_: {"id": "u"}, get_project_by_name=lambda *_: {"id": "p"})
        apis = SimpleNamespace(
            identity_api=named, resource_api=named, token_provider_api=SimpleNamespace(issue_token=issue)
        )
        modules = {
            "keystone": SimpleNamespace(),
            "keystone.common": SimpleNamespace(),
            "keystone.common.provider_api": SimpleNamespace(ProviderAPIs=apis),
            "oslo_context": SimpleNamespace(),
            "oslo_context.context": SimpleNamespace(RequestContext=lambda: contexts.append("new")),
        }
        return starts("keystone-wsgi-public", modules, status)

    return run


@pytest.fixture
def middleware():
    """A stand-in for keystonemiddleware, which validates tokens."""

    class AuthProtocol:
        def process_request(self, _):
            return "validated"

    return {
        "keystonemiddleware": SimpleNamespace(),
        "keystonemiddleware.auth_token": SimpleNamespace(AuthProtocol=AuthProtocol),
    }


def test_keystone_answers_one_request_before_it_serves(keystone, capsys):
    application, requests = keystone()
    assert serves(application)
    assert requests == [(True, "/v3/projects?limit=1", {"X-Auth-Token": "token"}, None)]
    assert capsys.readouterr() == ("", "")


def refuses(*_, **__):
    raise LookupError("Could not find user: admin.")


@pytest.mark.parametrize(
    ("wrong", "result"),
    [
        ({"issue": refuses}, "LookupError: Could not find user: admin."),
        ({"status": "403 Forbidden"}, "403 Forbidden"),
    ],
)
def test_keystone_serves_and_logs_when_its_first_request_fails(keystone, capsys, wrong, result):
    application, _ = keystone(**wrong)
    assert serves(application)
    assert capsys.readouterr().err == f"first request, made before this worker serves: expected 200 OK, got {result}\n"


def test_each_request_of_keystone_begins_with_a_new_context(keystone):
    contexts = []
    application, _ = keystone(contexts=contexts)
    before = len(contexts)
    assert serves(application)
    assert len(contexts) == before + 1


@pytest.mark.parametrize("script", SIGNED_IN)
def test_an_api_answers_one_request_before_it_serves(script, starts, middleware, capsys):
    application, requests = starts(script, middleware)
    assert serves(application)
    ((serving, _, headers, validated),) = requests
    assert (serving, headers["X-Identity-Status"], validated) == (True, "Confirmed", None)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_tokens_of_clients_are_validated_after_the_first_request(status, starts, middleware):
    starts("glance-wsgi-api", middleware, status)
    assert middleware["keystonemiddleware.auth_token"].AuthProtocol().process_request("a request") == "validated"


# -- refused by the database ---------------------------------------------------------------------------


class Database:
    """A server for the sign-in part of MySQL's protocol; it refuses with the error number `refuses`, unless 0."""

    def __init__(self):
        self.refuses = 0
        self.signed_in = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, suppress(OSError):
            greeting = b"\x0a10.11.0\0" + bytes(4) + b"saltsalt\0" + struct.pack("<HBHHB", 0xF7FF, 45, 2, 0x8, 21)
            sock.sendall(packet(0, greeting + bytes(10) + b"saltsaltsalt\0mysql_native_password\0"))
            sock.recv(4096)
            if self.refuses:
                sock.sendall(packet(2, b"\xff" + struct.pack("<H", self.refuses) + b"#28000Access denied"))
                return
            self.signed_in += 1
            sock.sendall(packet(2, OK))
            while sock.recv(4096):
                sock.sendall(packet(1, OK))


OK = b"\0\0\0" + struct.pack("<HH", 2, 0)


def packet(number, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


@pytest.fixture
def database():
    server = Database()
    yield server
    server.close()


@pytest.fixture
def placement(starts, middleware):
    """The application of an API behind HAProxy, with PyMySQL as the script alters it."""
    application, _ = starts("placement-api", middleware)
    return application


def sign_in(at, **named):
    arguments = {"host": "127.0.0.1", "port": at.port, "user": "placement", "password": "its own", "database": "one"}
    pymysql.connect(**arguments | named).close()


def is_refused(at, number, **named):
    at.refuses = number
    with pytest.raises(pymysql.err.OperationalError, match=str(number)):
        sign_in(at, **named)


def test_checks_pass_after_a_successful_sign_in(placement, database):
    sign_in(database)
    assert serves(placement, CHECK) is True
    assert database.signed_in == 1


@pytest.mark.parametrize("number", [1044, 1045, 1049])
def test_a_refused_account_fails_checks_and_no_requests(number, placement, database, capsys):
    for _ in range(2):
        is_refused(database, number)
    assert serves(placement, CHECK) == "503 Service Unavailable"
    assert serves(placement) is True
    assert serves(placement, {"HTTP_X_HEALTH_CHECK": "operator"}) is True
    warning = "HAProxy's checks get 503 until the database accepts this account"
    assert capsys.readouterr().err == f"{warning}: ({number}, 'Access denied')\n"


@pytest.mark.parametrize("number", [1040, 1047, 1053, 1205])
def test_a_busy_or_unready_database_fails_no_check(number, placement, database, capsys):
    is_refused(database, number)
    assert serves(placement, CHECK) is True
    assert capsys.readouterr().err == ""


def test_an_absent_database_fails_no_check(placement, database):
    database.close()
    with pytest.raises(pymysql.err.OperationalError):
        sign_in(database)
    assert serves(placement, CHECK) is True


def test_a_check_tries_the_refused_account_again(placement, database):
    is_refused(database, 1045)
    assert serves(placement, CHECK) == "503 Service Unavailable"
    database.refuses = 0
    assert serves(placement, CHECK) is True
    assert database.signed_in == 1
    assert serves(placement, CHECK) is True
    assert database.signed_in == 1


def test_an_account_refused_by_one_of_two_databases_fails_checks(placement, database):
    is_refused(database, 1045, database="one")
    database.refuses = 0
    sign_in(database, database="two")
    database.refuses = 1045
    assert serves(placement, CHECK) == "503 Service Unavailable"


def test_a_successful_sign_in_clears_the_refusal(placement, database):
    is_refused(database, 1045)
    database.refuses = 0
    sign_in(database)
    database.refuses = 1045
    assert serves(placement, CHECK) is True


def test_a_refused_account_stays_refused_while_the_database_is_away(placement, database):
    is_refused(database, 1045)
    database.close()
    assert serves(placement, CHECK) == "503 Service Unavailable"


def test_without_haproxy_the_script_wraps_no_application(tree_of):
    files = tree_of("two-node")
    scripts = [files[node][path].text for node in files for path in files[node] if path.endswith("/placement-api")]
    assert scripts
    assert [text for text in scripts if "\napplication = service_application\n" not in text or "pymysql" in text] == []
