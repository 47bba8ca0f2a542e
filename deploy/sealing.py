"""Sealing: the secrets of a cluster as a file for another runner, encrypted with a passphrase.

The key is derived by scrypt; the data is encrypted and authenticated by Fernet (AES-128-CBC with HMAC-SHA256).
"""

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from deploy.errors import StackproofError

FORMAT = "stackproof-secrets-1"
COST, BLOCK, PARALLEL = 2**16, 8, 1
"""Parameters of scrypt: 64 MiB of memory and some 0.2 s for each guess (RFC 7914; OWASP asks for 2**16 or more)."""
LEAST = 12
"""Characters of a passphrase."""


def seal(cluster: str, values: Mapping[str, str], passphrase: str) -> str:
    """Return the text of a sealed file; StackproofError for a passphrase that is too short."""
    if len(passphrase) < LEAST:
        raise StackproofError(
            "the passphrase is too short",
            expected=f"at least {LEAST} characters",
            hint="the file holds every password of the cluster; choose several words",
        )
    salt = os.urandom(16)
    data = Fernet(_key(passphrase, salt)).encrypt(json.dumps(dict(values)).encode()).decode()
    head = {"format": FORMAT, "cluster": cluster, "salt": base64.b64encode(salt).decode()}
    return json.dumps({**head, "data": data}, indent=1) + "\n"


def opened(text: str, passphrase: str) -> tuple[str, dict[str, str]]:
    """Return the cluster's name and the secrets of a sealed file; StackproofError for a wrong passphrase or file."""
    found = _parsed(text)
    try:
        salt = base64.b64decode(found["salt"], validate=True)
        values = json.loads(Fernet(_key(passphrase, salt)).decrypt(found["data"].encode()))
    except InvalidToken:
        raise StackproofError(
            "the sealed secrets cannot be opened",
            expected="the passphrase of the export, and the file as it was written",
            hint="try the passphrase again; a damaged file has to be exported again",
        ) from None
    except ValueError:
        raise _strange() from None
    return found["cluster"], values


def _parsed(text: str) -> dict[str, str]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise _strange() from None
    keys = ("cluster", "salt", "data")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise _strange()
    if not all(isinstance(found.get(key), str) for key in keys):
        raise _strange()
    return found


def _strange() -> StackproofError:
    return StackproofError(
        "the file holds no sealed secrets",
        expected=f"a file that `python -m deploy secrets export` wrote ({FORMAT})",
        hint="export the secrets on the runner that built the cluster",
    )


def _key(passphrase: str, salt: bytes) -> bytes:
    derived = Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.encode())
    return base64.urlsafe_b64encode(derived)
