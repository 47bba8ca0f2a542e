"""TLS at the VIP: the certificate that HAProxy serves, and those by which its clients verify it."""

import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deploy import certificate, paths
from deploy.errors import InventoryError
from deploy.inventory import Certificate, Cluster
from deploy.secrets import CERTIFICATE, Secrets, Unsaved, public

AUTHORITY, SERVER, OWN = "tls.authority", "tls.server", "tls.own"
"""Secrets: the build's authority and the VIP's certificate, each with its key; the operator's own certificate."""
FILE = "ca.pem"
"""The file with the trusted certificates on the runner, beside the cluster's secrets."""
_is_fresh = lru_cache(maxsize=8)(certificate.is_fresh)


@dataclass(frozen=True)
class Tls:
    """What HAProxy and its clients need for TLS at the VIP. Every text is empty in a cluster without TLS.

    InventoryError for an operator's certificate that cannot serve.
    """

    cluster: Cluster
    secrets: Secrets

    @property
    def trusted(self) -> str:
        """The certificates by which clients verify the VIP's, in PEM."""
        if not self.cluster.encrypted:
            return ""
        if self.cluster.certificate:
            return self._given(self.cluster.certificate).trusted
        return public(self._authority())

    @property
    def served(self) -> str:
        """HAProxy's file in PEM: the key, the VIP's certificate, and those between it and the trusted ones."""
        if not self.cluster.encrypted:
            return ""
        if self.cluster.certificate:
            return self._given(self.cluster.certificate).served
        signer, vip = self._authority(), self.cluster.vip
        names = [f"{self.cluster.name}-vip"]  # as in the hosts' /etc/hosts
        assert vip is not None  # noqa: S101 - else nothing is encrypted
        return self.secrets.lasting(
            SERVER,
            lambda _: certificate.server(signer, vip, names),
            lambda pem: certificate.serves(pem, signer, vip, names),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses and names that the VIP's certificate is for, by which clients may ask at the VIP."""
        served = self.served
        return certificate.hosts(certificate.public(served)) if CERTIFICATE in served else ()

    @property
    def file(self) -> str:
        """The path of the trusted certificates on the runner, which is written first; empty: those of its system.

        A cluster that others built is verified by `certificate.ca` of its inventory, or by OS_CACERT.
        """
        if not self.cluster.encrypted:
            return ""
        if self.cluster.certificate:
            return str(self.cluster.certificate.ca.expanduser())
        others = isinstance(self.secrets, Unsaved)
        if others and (named := os.environ.get("OS_CACERT")):
            return named
        path = (paths.state(self.cluster.name) if others else self.secrets.path.parent) / FILE
        if CERTIFICATE in (text := self.trusted):
            _write(path, text)
        return str(path) if path.is_file() else ""

    def _authority(self) -> str:
        name = self.cluster.name
        return self.secrets.lasting(AUTHORITY, lambda old: certificate.authority(name, old), _is_fresh)

    def _given(self, own: Certificate) -> "_Given":
        if isinstance(self.secrets, Unsaved):
            return _Given(self.secrets[AUTHORITY], self.secrets[SERVER])
        given = _checked(self.cluster, own)
        self.secrets.learn(OWN, given.served)
        return given


@dataclass(frozen=True)
class _Given:
    trusted: str
    served: str


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.write_text(text)
    fresh.replace(path)


# -- the operator's own certificate ------------------------------------------------------------------


def _checked(cluster: Cluster, own: Certificate) -> _Given:
    """Read the operator's files; InventoryError names the first thing by which clients would refuse the VIP."""
    if own.chain is None or own.key is None:
        raise _refusal("certificate", "has only ca, with which a cluster is checked", "chain and key as well")
    ca, chain, key = _read("ca", own.ca), _read("chain", own.chain), _read("key", own.key)
    if own.key.expanduser().stat().st_mode & 0o077:
        raise _refusal("certificate.key", f"others may read {own.key}", "mode 0600")
    for name, path, text in (("ca", own.ca, ca), ("chain", own.chain, chain)):
        try:
            certificate.first(text)
        except ValueError:
            raise _refusal(f"certificate.{name}", f"{path} has no certificate", "certificates in PEM") from None
    try:
        belongs = certificate.has_key(chain, key)
    except ValueError as error:
        raise _refusal("certificate.key", f"{own.key}: {error}", "a private key in PEM, without a passphrase") from None
    if not belongs:
        raise _refusal("certificate.key", f"{own.key} has another key", f"the key of the certificate in {own.chain}")
    assert cluster.vip is not None  # noqa: S101 - the inventory's checks require it
    if not certificate.is_for(chain, cluster.vip):
        expected = f"the VIP {cluster.vip} among its subject's alternative names, since clients use the address"
        raise _refusal("certificate.chain", f"{own.chain} is not for the VIP", expected)
    if not certificate.is_current(chain):
        raise _refusal("certificate.chain", f"{own.chain} has expired or is not valid yet", "a valid certificate")
    if not certificate.leads_to(chain, ca):
        expected = "each certificate signed by the next one, and the last one by one of certificate.ca"
        raise _refusal("certificate.chain", f"{own.chain} does not lead to {own.ca}", expected)
    return _Given(certificate.public(ca), f"{key.strip()}\n{certificate.public(chain)}")


def _read(name: str, path: Path) -> str:
    try:
        return path.expanduser().read_text()
    except (OSError, ValueError) as error:
        seen = getattr(error, "strerror", None) or "the file is not text"
        raise _refusal(f"certificate.{name}", f"{path}: {seen}", "a file in PEM, readable by you") from None


def _refusal(key: str, seen: str, expected: str) -> InventoryError:
    hint = "correct the file or the inventory; without [certificate] the build makes an authority of its own"
    return InventoryError(f"{key}: the certificate cannot serve", expected=expected, seen=seen, hint=hint)
