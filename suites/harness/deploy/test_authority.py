"""Certificates: a client that trusts the authority reaches the address of a certificate, and no other."""

import socket
import ssl
import threading

import pytest

from deploy import authority
from deploy.secrets import Secrets


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path / "secrets.json")


@pytest.fixture
def greeted(secrets, tmp_path):
    """Connect by TLS to a server that has the certificate for one address, as if it were at another one."""

    def greet(address, at):
        pem = tmp_path / "server.pem"
        pem.write_text(secrets.key("etcd", address) + secrets.certificate("etcd", address))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        near, far = socket.socketpair()

        def serve():
            try:
                context.wrap_socket(far, server_side=True).close()
            except OSError:
                far.close()

        threading.Thread(target=serve).start()
        trusting = ssl.create_default_context(cadata=secrets.authority("etcd"))
        with trusting.wrap_socket(near, server_hostname=at) as secured:
            return secured.version()

    return greet


@pytest.mark.parametrize("at", ["10.0.0.1", authority.LOOPBACK])
def test_a_certificate_is_for_its_address_and_the_loopback(greeted, at):
    assert greeted("10.0.0.1", at) == "TLSv1.3"


def test_a_certificate_is_for_no_other_address(greeted):
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        greeted("10.0.0.1", "10.0.0.2")


def test_certificates_are_issued_once(secrets, tmp_path):
    first = [secrets.authority("etcd"), secrets.certificate("etcd", "10.0.0.1"), secrets.key("etcd", "10.0.0.1")]
    again = Secrets(tmp_path / "secrets.json", makes=False)
    assert [again.authority("etcd"), again.certificate("etcd", "10.0.0.1"), again.key("etcd", "10.0.0.1")] == first


def test_nothing_is_issued_without_a_build(tmp_path):
    unsaved = Secrets(tmp_path / "secrets.json", makes=False)
    assert unsaved.certificate("etcd", "10.0.0.1") == "unsaved etcd.certificate.10.0.0.1"
    assert not (tmp_path / "secrets.json").exists()


def test_a_key_that_is_none_is_refused():
    with pytest.raises(ValueError, match="PEM"):
        authority.authority("nothing", "etcd")
