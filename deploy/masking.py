"""Masking: finds known secrets in a text, also in other spellings, and what looks like a credential of anybody."""

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

MASK = "********"
LEAST = 6
"""A shorter secret is masked as a whole word only, and in no other spelling: it would hide parts of other words."""
SHORT = 80
"""The length up to which masked texts are remembered: each test's report has the same few names three times."""

ANYBODYS = re.compile(
    r"\bgAAAAA[\w-]{40,}={0,2}"  # a token of Keystone, or another text in Fernet's format
    r"|(?<=Basic )(?=[a-z]*[A-Z0-9+/])[A-Za-z0-9+/]{8,}={0,2}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----\s.+?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
"""Credentials by their shape."""


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with every secret, in any spelling of `spellings`, and every credential of ANYBODYS masked."""
    known = frozenset(secrets)
    return _masked_again(text, known) if len(text) <= SHORT else _masked(text, known)


def _masked(text: str, secrets: frozenset[str]) -> str:
    known = _pattern(secrets)
    return ANYBODYS.sub(MASK, known.sub(MASK, text) if known else text)


_masked_again = lru_cache(maxsize=1024)(_masked)


def spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as in a URL, in JSON, in Python's source, and in base64 as a part of a longer text."""
    yield secret
    if len(secret) < LEAST:
        return
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    data = secret.encode()
    for before in range(3):
        # Characters that also depend on the bytes around the secret are left out.
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=").decode()
        inner = encoded[math.ceil(before * 8 / 6) : (before + len(data)) * 8 // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


@lru_cache(maxsize=16)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """Return a pattern of all spellings, longest first, because a secret may contain another."""
    every = {each for secret in secrets for each in spellings(secret) if each}
    parts = [re.escape(each) if len(each) >= LEAST else rf"(?<!\w){re.escape(each)}(?!\w)" for each in _ordered(every)]
    return re.compile("|".join(parts)) if parts else None


def _ordered(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))
