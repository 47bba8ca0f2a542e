"""Secrets: one generated value per use, stored in a 0600 file outside the repository, masked everywhere else."""

import base64
import hashlib
import json
import os
import re
import secrets as random
import struct
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path

from filelock import FileLock

from deploy import certificate, keypair, paths
from deploy.errors import StackproofError
from deploy.masking import masked

_BLOCK = re.compile(r"-----BEGIN .*?-----END [^\n]*", re.DOTALL)
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
IDENTITY = "cluster.identity"
"""The secret whose fingerprint every host of the cluster carries."""


class Secrets:
    """The secrets of one cluster. In a build, reading a missing secret generates it and saves it before returning it.

    Without `makes`, nothing is generated: a missing secret reads as a placeholder, which no host can have.
    """

    def __init__(self, path: Path, *, makes: bool = True) -> None:
        self.path, self._makes = path, makes
        # The dict is replaced, never mutated: other threads iterate over it while they mask events.
        self._values: dict[str, str] = self._load()
        self._learned: dict[str, str] = {}

    @classmethod
    def of(cls, cluster: str, *, makes: bool) -> "Secrets":
        """Return the secrets of the cluster of that name."""
        return cls(paths.state(cluster) / "secrets.json", makes=makes)

    def __len__(self) -> int:
        """Return the number of saved secrets."""
        return len(self._values)

    @property
    def identity(self) -> str:
        """Tells the secrets of one cluster from those of another, and reveals none: 32 hexadecimal digits."""
        return hashlib.sha256(f"stackproof {self[IDENTITY]}".encode()).hexdigest()[:32]

    @property
    def known_identity(self) -> str:
        """The identity, empty where no build has made it yet."""
        return self.identity if self._get(IDENTITY) else ""

    def uuid(self, use: str) -> str:
        """Return the UUID of that use in this cluster, which is no secret, such as of a client's secret in libvirt."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{use}.{self.identity}"))

    def __getitem__(self, use: str) -> str:
        """Return the secret for one use, such as `galera.keystone`: 32 characters, safe in URLs and files."""
        return self._get(use) or self._make(use, random.token_hex(16))

    def fernet(self, use: str) -> str:
        """Return a Fernet key: 32 random bytes in URL-safe base64."""
        return self._get(use) or self._make(use, base64.urlsafe_b64encode(random.token_bytes(32)).decode())

    def long(self, use: str) -> str:
        """Return a secret of 256 characters; corosync's key files hold at least 128 bytes."""
        return self._get(use) or self._make(use, random.token_hex(128))

    def cephx(self, use: str) -> str:
        """Return a key of Ceph, in base64: its type (1), when it was made, and 16 random bytes."""
        packed = struct.pack("<HIIH", 1, int(time.time()), 0, 16) + random.token_bytes(16)
        return self._get(use) or self._make(use, base64.b64encode(packed).decode())

    def ssh(self, use: str) -> str:
        """Return an SSH private key in OpenSSH's format, which has several lines."""
        return self._get(use) or self._make(use, keypair.generate())

    def ssh_public(self, use: str) -> str:
        """Return the public half of that key; it is not masked."""
        private = self.ssh(use)
        return keypair.public(private) if self._get(use) else f"{private} (public)"

    def authority(self, of: str) -> str:
        """Return the certificate of the authority for members of that cluster, such as `etcd`: PEM, without its key."""
        return public(self._signer(of))

    def member(self, of: str, address: IPv4Address) -> str:
        """Return the key and certificate of the member at that address, signed by the authority: PEM; see `lasting`."""
        signer = self._signer(of)
        return self.lasting(
            f"{of}.member.{address}",
            lambda _: certificate.member(signer, address),
            lambda pem: certificate.serves(pem, signer, address),
        )

    def client(self, of: str, name: str) -> str:
        """Return the key and certificate of a client of that cluster, signed by its authority: PEM; see `lasting`."""
        signer = self._signer(of)
        return self.lasting(
            f"{of}.client.{name}",
            lambda _: certificate.client(signer, name),
            lambda pem: certificate.leads_to(pem, signer) and certificate.is_fresh(pem),
        )

    def _signer(self, of: str) -> str:
        """Return key and certificate. A renewed one has the key and name of the old one: members trust either."""
        return self.lasting(f"{of}.signer", lambda old: certificate.authority(of, old), certificate.is_fresh)

    def lasting(self, use: str, make: Callable[[str], str], lasts: Callable[[str], bool]) -> str:
        """Return a secret that does not last for ever, such as a certificate with its key, in PEM.

        A build replaces one for which `lasts` is False: `make` gets the old text, which is empty the first time.
        """
        there = self._get(use)
        if not self._makes or (there and lasts(there)):
            return there or f"unsaved {use}"
        return self._saved(use, lambda old: old if old and lasts(old) else make(old))

    def passing(self, use: str) -> str:
        """Return a secret of this process alone, such as the password of a drill's account; it is masked, not saved."""
        if use not in self._learned:
            self.learn(use, random.token_hex(16))
        return self._learned[use]

    def learn(self, use: str, value: str) -> None:
        """Add a secret from elsewhere (a power device's password), so that it is masked; it is not written to disk."""
        self._learned = {**self._learned, use: value}

    def saved(self) -> dict[str, str]:
        """Return every saved secret by its use, to move all of them to another runner."""
        return dict(self._values)

    def known(self) -> dict[str, str]:
        """Return every known secret by its use; of a private key one line, which no other key has."""
        parts = {use: _parts(value) for use, value in (self._values | self._learned).items()}
        return {use: found[0] for use, found in parts.items() if found and found[0]}

    def replace(self, values: Mapping[str, str]) -> None:
        """Save these secrets in place of all others; StackproofError where there are others of another cluster."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{self.path}.lock", mode=0o600):
            there = self._load()
            if there and there.get(IDENTITY) != values.get(IDENTITY):
                raise StackproofError(
                    f"{self.path} holds the secrets of another cluster",
                    expected="no secrets, or those of the same cluster",
                    hint="move the file away if you are sure that no cluster needs it",
                )
            self._save({**there, **values})
            self._values = {**there, **values}

    def values(self) -> frozenset[str]:
        """Return every known secret; each line of a key is a value of its own, since texts are shown line by line."""
        return _masked_parts((*self._values.values(), *self._learned.values()))

    def redact(self, text: str) -> str:
        """Return the text with every known secret masked, and whatever looks like a credential (deploy.masking)."""
        return masked(text, self.values())

    def _get(self, use: str) -> str | None:
        return self._learned.get(use) or self._values.get(use)

    def _make(self, use: str, value: str) -> str:
        if not self._makes:
            return f"unsaved {use}"
        return self._saved(use, lambda old: old or value)

    def _saved(self, use: str, renewed: Callable[[str], str]) -> str:
        """Save what `renewed` makes of the secret, which another process may have written since the file was read."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{self.path}.lock", mode=0o600):
            there = {**self._values, **self._load()}
            old = there.get(use, "")
            if (value := renewed(old)) != old:
                there = {**there, use: value}
                self._save(there)
            self._values = there
        return there[use]

    def _load(self) -> dict[str, str]:
        try:
            loaded = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable(str(error)) from None
        except ValueError:  # the error's text may hold secrets and must not be shown
            raise self._unreadable("something that is not JSON") from None
        if not isinstance(loaded, dict):
            raise self._unreadable("JSON of another kind")
        return {str(use): str(value) for use, value in loaded.items()}

    def _unreadable(self, seen: str) -> StackproofError:
        return StackproofError(
            f"the secrets in {self.path} cannot be read",
            expected="the JSON object Stackproof wrote, readable by you",
            seen=seen,
            hint="restore the file from a backup; an existing cluster cannot be managed without it",
        )

    def _save(self, values: dict[str, str]) -> None:
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(values, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


def public(pem: str) -> str:
    """Return the certificates of a text, or the placeholder of a secret that no build has made yet."""
    return certificate.public(pem) if CERTIFICATE in pem else pem


@lru_cache(maxsize=4)  # every text that is shown or written is masked
def _masked_parts(known: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for value in known for part in _parts(value) if part)


def _parts(value: str) -> list[str]:
    """Return the lines of the private keys in a text, except those that all keys of the type share.

    Certificates are public. An SSH key's first line only names the type.
    """
    if "\n" not in value.strip():
        return [value]
    lines = []
    for block in _BLOCK.findall(value):
        first, *rest, _ = block.splitlines()
        if first.endswith("PRIVATE KEY-----"):
            lines += rest[1:] if "OPENSSH" in first else rest
    return lines


class Unsaved(Secrets):
    """Placeholders that are never written, for renders that need no real values."""

    def __init__(self) -> None:
        self._values, self._learned, self._makes = {}, {}, False

    def ssh_public(self, use: str) -> str:
        """Return a placeholder, since a placeholder has no public half."""
        return f"unsaved {use} (public)"

    def _get(self, use: str) -> str:
        return f"unsaved {use}"
