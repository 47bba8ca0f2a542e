"""Certificates of a cluster's members: who accepts them, and how a build renews them and their authority."""

import ssl
from datetime import timedelta
from ipaddress import IPv4Address
from itertools import product

import pytest
from cryptography import x509

from deploy import certificate
from deploy.secrets import Secrets

ONE, TWO = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path / "secrets.json")


@pytest.fixture
def side(tmp_path):
    """TLS of a member, which trusts an authority, as a server or as a client of another member."""

    def context(pem, authority, protocol):
        file = tmp_path / "member.pem"
        file.write_text(pem)
        made = ssl.SSLContext(protocol)
        made.load_cert_chain(file)
        made.load_verify_locations(cadata=authority)
        made.verify_mode = ssl.CERT_REQUIRED
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    return context


@pytest.fixture
def met(side):
    """Shake hands in memory: members are (PEM, authority); the client looks for the server at that address."""

    def meet(client, server, at):
        to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            side(*client, ssl.PROTOCOL_TLS_CLIENT).wrap_bio(back, to, server_hostname=str(at)),
            side(*server, ssl.PROTOCOL_TLS_SERVER).wrap_bio(to, back, server_side=True),
        ]
        for _ in range(4):
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return all(end.getpeercert() for end in ends)

    return meet


def aged(patch, days):
    """Let new certificates be as old as that."""
    patch.setattr(certificate, "_SKEW", timedelta(days=days))
    for name in ("AUTHORITY", "SERVER"):
        patch.setattr(certificate, name, max(getattr(certificate, name) - timedelta(days=days), timedelta(days=1)))


def joined(secrets, address):
    return secrets.member("etcd", address), secrets.authority("etcd")


@pytest.mark.parametrize("at", [TWO, "127.0.0.1"])
def test_members_accept_each_other_at_their_address_and_the_loopback(secrets, met, at):
    assert met(joined(secrets, ONE), joined(secrets, TWO), at)


def test_a_certificate_is_for_no_other_address(secrets, met):
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        met(joined(secrets, ONE), joined(secrets, TWO), ONE)


def test_the_certificate_of_a_server_is_none_of_a_client(met):
    signer = certificate.authority("etcd")
    server = certificate.server(signer, ONE, []), certificate.public(signer)
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.verify.failed"):
        met(server, server, ONE)


def test_a_member_accepts_a_client_that_is_a_server_to_nobody(secrets, met):
    client = secrets.client("etcd", "cinder"), secrets.authority("etcd")
    assert met(client, joined(secrets, ONE), ONE)
    assert not certificate.is_for(client[0], ONE)
    assert secrets.client("etcd", "cinder") == client[0]


def test_certificates_are_issued_once_and_name_no_key_of_the_authority(secrets, tmp_path):
    first = joined(secrets, ONE)
    assert joined(Secrets(tmp_path / "secrets.json"), ONE) == first
    assert joined(Secrets(tmp_path / "secrets.json", makes=False), ONE) == first
    assert "PRIVATE KEY" not in first[1]


def test_nothing_is_issued_without_a_build(tmp_path):
    unsaved = Secrets(tmp_path / "secrets.json", makes=False)
    assert joined(unsaved, ONE) == ("unsaved etcd.member.10.0.0.1", "unsaved etcd.signer")
    assert not (tmp_path / "secrets.json").exists()


def test_a_build_renews_the_certificate_of_a_member_alone(secrets, tmp_path, monkeypatch):
    authority = secrets.authority("etcd")
    with monkeypatch.context() as then:
        aged(then, 300)
        old = secrets.member("etcd", ONE)
    verified = Secrets(tmp_path / "secrets.json", makes=False)
    assert joined(verified, ONE) == (old, authority), "a run that only verifies renews nothing"
    renewed = secrets.member("etcd", ONE)
    assert renewed != old
    assert certificate.is_fresh(renewed)
    assert secrets.authority("etcd") == authority


@pytest.fixture
def renewal(secrets, monkeypatch):
    """Two members before and after the renewal of their authority and of their certificates."""
    with monkeypatch.context() as then:
        aged(then, 3000)
        old = [joined(secrets, address) for address in (ONE, TWO)]
    return old, [joined(secrets, address) for address in (ONE, TWO)]


def test_members_before_and_after_the_renewal_of_the_authority_accept_each_other(renewal, met):
    old, new = renewal
    assert not {*old[0], *old[1]} & {*new[0], *new[1]}
    clients, servers = (product(*zip(before, after, strict=True)) for before, after in zip(old, new, strict=True))
    for client, server in product(clients, servers):
        assert met(client, server, TWO)


def test_what_an_authority_signed_names_the_key_that_its_renewal_keeps(renewal):
    old, new = ([certificate.first(pem) for pem in first] for first, _ in renewal)
    for (signed, _), (_, authority) in product((old, new), repeat=2):
        by = signed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert signed.issuer == authority.subject
        assert (by.key_identifier, by.authority_cert_serial_number) == (own.key_identifier, None)
