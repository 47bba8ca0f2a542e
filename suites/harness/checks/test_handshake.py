"""TLS as a check begins it: what verifies a service, and how long its certificate lasts."""

import socket
import ssl
import threading
from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from deploy import certificate
from fixtures.checks.questions import Handshake, handshake

HOST = "127.0.0.1"


@pytest.fixture
def asked(tmp_path):
    """Ask a server that has that key and certificate once; an authority verifies it."""

    def ask(pem, authority):
        (tmp_path / "server.pem").write_text(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        with socket.create_server((HOST, 0)) as listening:

            def serve():
                near, _ = listening.accept()
                with near, suppress(OSError):
                    context.wrap_socket(near, server_side=True).close()

            serving = threading.Thread(target=serve)
            serving.start()
            found = handshake(Handshake(HOST, listening.getsockname()[1], authority=certificate.public(authority)))
            serving.join()
        return found

    return ask


@pytest.mark.parametrize(("days", "lasts"), [(1, True), (1000, True), (1400, False)])
def test_a_certificate_lasts_while_a_quarter_of_its_life_is_left(asked, monkeypatch, days, lasts):
    signer = certificate.authority("etcd")
    monkeypatch.setattr(certificate, "_SKEW", timedelta(days=days))
    found = asked(certificate.member(signer, IPv4Address(HOST)), signer)
    assert (found.why, found.lasts) == ("", lasts)


def test_an_authority_that_no_build_has_made_yet_is_no_error():
    assert "certificate" in handshake(Handshake(HOST, 9, authority="unsaved etcd.signer")).why


def test_a_certificate_of_another_authority_does_not_last(asked):
    found = asked(certificate.member(certificate.authority("others"), IPv4Address(HOST)), certificate.authority("etcd"))
    assert "CERTIFICATE_VERIFY_FAILED" in found.why
    assert not found.lasts
