"""TLS at the VIP: the build's own certificate and its renewal; an operator's one, with an error for each mistake."""

import json
import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy import certificate, inventory
from deploy.errors import InventoryError
from deploy.inventory import Certificate
from deploy.secrets import Secrets, Unsaved
from deploy.tls import AUTHORITY, SERVER, Tls

LAB = inventory.load("lab")
NAME = f"{LAB.name}-vip"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "secrets.json"


@pytest.fixture
def tls(path) -> Tls:
    return Tls(LAB, Secrets(path))


def aged(monkeypatch, years: float) -> None:
    """Let new certificates be as old as that."""
    monkeypatch.setattr(certificate, "_SKEW", timedelta(days=365 * years))
    for name in ("AUTHORITY", "SERVER"):
        monkeypatch.setattr(certificate, name, getattr(certificate, name) - timedelta(days=365 * years))


# -- the build's own -----------------------------------------------------------------------------------


def test_the_certificate_is_the_vips_and_signed_by_what_clients_trust(tls):
    assert certificate.is_for(tls.served, LAB.vip, [NAME])
    assert certificate.has_key(tls.served, tls.served)
    assert certificate.leads_to(certificate.public(tls.served), tls.trusted)
    assert "PRIVATE KEY" not in tls.trusted


def test_a_second_build_serves_the_same_certificate(tls, path):
    assert Tls(LAB, Secrets(path)).served == tls.served
    assert Tls(LAB, Secrets(path, makes=False)).trusted == tls.trusted


def test_a_build_renews_a_certificate_with_less_than_a_third_of_its_life(tls, path, monkeypatch):
    with monkeypatch.context() as then:
        aged(then, 0.8)
        old = tls.served
    assert Tls(LAB, Secrets(path, makes=False)).served == old, "a run that only verifies renews nothing"
    renewed = Tls(LAB, Secrets(path)).served
    assert renewed != old
    assert certificate.leads_to(certificate.public(renewed), tls.trusted)


def test_a_build_keeps_a_certificate_with_more_than_a_third_of_its_life(tls, path, monkeypatch):
    with monkeypatch.context() as then:
        aged(then, 0.6)
        old = tls.served
    assert Tls(LAB, Secrets(path)).served == old


def test_a_renewed_authority_keeps_its_key_and_what_it_signed(tls, path, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(certificate, "_SKEW", timedelta(days=3000))
        then.setattr(certificate, "AUTHORITY", timedelta(days=600))
        old = tls.trusted
    served = Tls(LAB, Secrets(path)).served
    renewed = Tls(LAB, Secrets(path)).trusted
    assert renewed != old
    assert certificate.leads_to(certificate.public(served), old)
    assert certificate.leads_to(certificate.public(served), renewed)


def test_another_vip_gets_another_certificate(tls, path):
    old = tls.served
    moved = replace(LAB, vip=LAB.vip + 1)
    assert certificate.is_for(Tls(moved, Secrets(path)).served, moved.vip)
    assert not certificate.is_for(old, moved.vip)


def test_the_keys_are_masked_and_the_certificates_are_not(tls):
    for text in (tls.served, tls.secrets.saved()[AUTHORITY]):
        key, _, public = text.partition("-----END PRIVATE KEY-----")
        shown = tls.secrets.redact("\n".join(f"+{line}" for line in key.splitlines()[1:]))
        assert set(shown.replace("+", "").split()) == {"********"}
        assert tls.secrets.redact(public) == public


def test_openssl_accepts_the_certificate_for_the_address_and_the_name(tls, tmp_path):
    (tmp_path / "vip.pem").write_text(tls.served)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(tmp_path / "vip.pem")
    trusting = ssl.create_default_context(cadata=tls.trusted)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in (str(LAB.vip), NAME):
        shaken(trusting, serving, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(trusting, serving, "172.16.181.29")


def shaken(trusting: ssl.SSLContext, serving: ssl.SSLContext, host: str) -> None:
    """Shake hands in memory."""
    to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [trusting.wrap_bio(back, to, server_hostname=host), serving.wrap_bio(to, back, server_side=True)]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert sides[0].getpeercert()


# -- the file on the runner ------------------------------------------------------------------------------


def test_the_runner_has_a_file_of_what_it_trusts_beside_the_secrets(tls, path):
    assert tls.file == str(path.with_name("ca.pem"))
    assert Path(tls.file).read_text() == tls.trusted


def test_a_run_that_only_verifies_writes_the_file_from_the_secrets(tls, path):
    assert tls.trusted
    assert Path(Tls(LAB, Secrets(path, makes=False)).file).read_text() == tls.trusted


def test_without_secrets_the_system_is_trusted_and_nothing_is_made(path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(path.parent))
    assert Tls(LAB, Secrets(path, makes=False)).file == ""
    assert Tls(LAB, Unsaved()).file == ""
    assert not path.exists()


def test_a_cluster_of_others_is_verified_by_os_cacert(monkeypatch):
    monkeypatch.setenv("OS_CACERT", "/etc/their-ca.pem")
    assert Tls(LAB, Unsaved()).file == "/etc/their-ca.pem"


@pytest.mark.parametrize("cluster", [inventory.load("two-node"), replace(LAB, tls="off")], ids=["no VIP", "off"])
def test_a_cluster_without_tls_has_no_certificate(cluster, path):
    tls = Tls(cluster, Secrets(path))
    assert (tls.trusted, tls.served, tls.file) == ("", "", "")
    assert not path.exists()


# -- an operator's own -----------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path) -> Certificate:
    """An operator's files that can serve the lab's VIP."""
    signer = certificate.authority("operator")
    made = certificate.server(signer, LAB.vip, [])
    key, _, _ = made.partition("-----BEGIN CERTIFICATE-----")
    files = {"ca": certificate.public(signer), "chain": certificate.public(made), "key": key}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return Certificate(**{name: tmp_path / name for name in files})


def given(own: Certificate, path: Path) -> Tls:
    return Tls(replace(LAB, certificate=own), Secrets(path))


def test_an_operators_certificate_is_served_with_its_key(own, path):
    tls = given(own, path)
    assert tls.served == own.key.read_text() + own.chain.read_text()
    assert (tls.trusted, tls.file) == (own.ca.read_text(), str(own.ca))
    assert not path.exists() or SERVER not in json.loads(path.read_text())
    assert tls.secrets.redact(own.key.read_text().splitlines()[1]) == "********"


def others(_own, path):
    path.write_text(certificate.server(certificate.authority("x"), LAB.vip, []))


def elsewhere(own, path):
    signer = certificate.authority("x")
    made = certificate.server(signer, LAB.vip + 1, [])
    own.key.write_text(made)
    path.write_text(certificate.public(made))


@pytest.mark.parametrize(
    ("name", "harm", "refusal"),
    [
        ("ca", lambda _, path: path.unlink(), ("certificate.ca", "No such file")),
        ("chain", lambda _, path: path.unlink(), ("certificate.chain", "No such file")),
        ("key", lambda _, path: path.unlink(), ("certificate.key", "No such file")),
        ("ca", lambda _, path: path.write_text("nothing"), ("certificate.ca", "has no certificate")),
        ("chain", lambda _, path: path.write_text("nothing"), ("certificate.chain", "has no certificate")),
        ("key", lambda _, path: path.write_text("nothing"), ("certificate.key", "without a passphrase")),
        ("key", lambda _, path: path.chmod(0o640), ("certificate.key", "others may read")),
        ("key", others, ("certificate.key", "has another key")),
        ("chain", elsewhere, ("certificate.chain", "is not for the VIP")),
        (
            "ca",
            lambda _, path: path.write_text(certificate.public(certificate.authority("x"))),
            ("certificate.chain", "does not lead to"),
        ),
    ],
)
def test_each_mistake_of_an_operators_certificate_is_named(own, path, name, harm, refusal):
    harm(own, getattr(own, name))
    with pytest.raises(InventoryError) as refused:
        _ = given(own, path).served
    key, words = refusal
    assert str(refused.value).startswith(f"{key}: ")
    assert words in str(refused.value)


def test_an_expired_certificate_of_an_operator_is_refused(own, path, monkeypatch):
    monkeypatch.setattr(certificate, "_SKEW", timedelta(days=400))
    monkeypatch.setattr(certificate, "SERVER", timedelta(days=-1))
    signer = certificate.authority("operator")
    made = certificate.server(signer, LAB.vip, [])
    own.ca.write_text(certificate.public(signer))
    own.chain.write_text(certificate.public(made))
    own.key.write_text(made)
    with pytest.raises(InventoryError, match="has expired"):
        _ = given(own, path).served


def test_an_authority_alone_cannot_serve(own, path):
    with pytest.raises(InventoryError, match="has only ca"):
        _ = given(Certificate(ca=own.ca), path).served
