"""The lab's power controller: the part of Redfish that fencing agents and drills use, for hosts that have no BMC.

Run by `up` as `python -m deploy.lab.redfish ADDRESS PORT STATE-DIRECTORY`.
"""

import base64
import hmac
import json
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Protocol

from deploy.errors import StackproofError

TOP = "/redfish/v1"
RESETS = ("On", "ForceOff", "ForceRestart", "GracefulShutdown")
_LONGEST_BODY = 64 * 1024
_SILENCE = 30.0
"""Seconds a client may keep a connection without a word."""


class Switches(Protocol):
    """Who really switches: the hosts of the lab, or a stand-in."""

    def systems(self) -> Sequence[str]:
        """Names of the systems that have power."""

    def is_on(self, system: str) -> bool:
        """Whether a system's power is on."""

    def reset(self, system: str, kind: str) -> None:
        """Do one of RESETS to a system."""


class Server(ThreadingHTTPServer):
    """A Redfish service over `switches` for one user; TLS where a certificate and its key are given."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], switches: Switches, user: str, password: str, pem: Path | None = None
    ) -> None:
        super().__init__(address, _Handler)
        self.switches = switches
        self.expected = base64.b64encode(f"{user}:{password}".encode())
        self.tls: ssl.SSLContext | None = None
        if pem:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(pem)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection; the TLS handshake is made here, in its own thread, so that nobody waits for it."""
        request.settimeout(_SILENCE)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log in one line what went wrong on a connection; scanners and clients that hang up are no news."""
        import sys

        print(f"{client_address[0]}: {sys.exception()!r}", flush=True)  # noqa: T201


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "stackproof"
    sys_version = ""
    _collections: ClassVar[dict[str, str]] = {}
