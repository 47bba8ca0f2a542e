"""An HTTP server for the part of Redfish that fencing agents and drills use."""

import base64
import hmac
import json
import ssl
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from deploy.errors import StackproofError

TOP = "/redfish/v1"
SYSTEMS = f"{TOP}/Systems"
RESET = "Actions/ComputerSystem.Reset"
RESETS = ("On", "ForceOff", "ForceRestart", "GracefulShutdown")
_LONGEST_BODY = 64 * 1024
_SILENCE = 30.0
"""Seconds a client may keep an idle connection."""


class Switches(Protocol):
    """The interface of the power switches behind the server: the lab's hosts, or a substitute in tests."""

    def systems(self) -> Sequence[str]:
        """Return the names of the systems."""

    def is_on(self, system: str) -> bool:
        """True where a system's power is on."""

    def reset(self, system: str, kind: str) -> None:
        """Apply one of RESETS to a system; StackproofError where that fails."""


class Server(ThreadingHTTPServer):
    """A Redfish service for one user; with TLS where `pem`, a file with key and certificate, is given."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], switches: Switches, user: str, password: str, pem: Path | None = None
    ) -> None:
        super().__init__(address, _Handler)
        self.switches = switches
        self.credentials = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}".encode()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if pem else None
        if self.tls and pem:
            self.tls.load_cert_chain(pem)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection. The TLS handshake runs in the connection's thread, so that no client delays another."""
        request.settimeout(_SILENCE)
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log a broken connection in one line, without a traceback, since clients may hang up."""
        log(f"{client_address[0]}: {sys.exception()!r}")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "stackproof"
    sys_version = ""

    def do_GET(self) -> None:
        """Send a resource."""
        path = self.path.partition("?")[0].rstrip("/")
        if path != TOP and not self._is_known_user():
            return
        resource = self._resource(path)
        if resource is None:
            self._refuse(HTTPStatus.NOT_FOUND, f"no resource {path}")
        else:
            self._answer(HTTPStatus.OK, {"@odata.id": path, **resource})

    def do_POST(self) -> None:
        """Perform a reset; reply when it is done (On: when it is accepted)."""
        body = self._body()
        if not self._is_known_user():
            return
        system = self.path.removeprefix(f"{SYSTEMS}/").partition("/")[0]
        if self.path.rstrip("/") != f"{SYSTEMS}/{system}/{RESET}" or system not in self.server.switches.systems():
            self._refuse(HTTPStatus.NOT_FOUND, f"no action {self.path}")
        elif (kind := _reset_type(body)) is None:
            self._refuse(HTTPStatus.BAD_REQUEST, f"ResetType must be one of {', '.join(RESETS)}")
        else:
            self._reset(system, kind)

    def _reset(self, system: str, kind: str) -> None:
        log(f"{self.client_address[0]}: {kind} {system}")
        try:
            self.server.switches.reset(system, kind)
        except StackproofError as error:
            log(str(error))
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        else:
            self._answer(HTTPStatus.NO_CONTENT, None)

    def _resource(self, path: str) -> dict[str, Any] | None:
        systems = self.server.switches.systems()
        if path == TOP:
            return {"Id": "RootService", "RedfishVersion": "1.6.0", "Systems": {"@odata.id": SYSTEMS}}
        if path == SYSTEMS:
            members = [{"@odata.id": f"{SYSTEMS}/{system}"} for system in systems]
            return {"Name": "Systems", "Members": members, "Members@odata.count": len(members)}
        system = path.removeprefix(f"{SYSTEMS}/")
        return self._system(system) if system in systems else None

    def _system(self, system: str) -> dict[str, Any]:
        action = {"target": f"{SYSTEMS}/{system}/{RESET}", "ResetType@Redfish.AllowableValues": list(RESETS)}
        return {
            "@odata.type": "#ComputerSystem.v1_5_0.ComputerSystem",
            "Id": system,
            "Name": system,
            "PowerState": "On" if self.server.switches.is_on(system) else "Off",
            "Actions": {"#ComputerSystem.Reset": action},
        }

    def _is_known_user(self) -> bool:
        if hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.credentials):
            return True
        self._refuse(HTTPStatus.UNAUTHORIZED, "wrong user or password", {"WWW-Authenticate": 'Basic realm="power"'})
        return False

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LONGEST_BODY:
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, {"error": {"code": "Base.1.0.GeneralError", "message": message}}, headers)

    def _answer(self, status: HTTPStatus, body: dict[str, Any] | None, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("OData-Version", "4.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: monitors ask every minute, and `_reset` logs what is switched."""


def log(text: str) -> None:
    """Write one entry to the controller's log, its standard output."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)  # noqa: T201


def _reset_type(body: bytes) -> str | None:
    try:
        kind = json.loads(body)["ResetType"]
    except (ValueError, KeyError, TypeError):
        return None
    return kind if kind in RESETS else None
