"""Files: digest, owner and mode of files on a host, and a diff of two texts that shows no secret."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from deploy.errors import CommandFailed
from deploy.host import Reads
from deploy.masking import MASK


@dataclass(frozen=True)
class File:
    """One file; `digest` is the SHA-256 of its content in hexadecimal, `owner` is `user:group`."""

    digest: str = ""
    owner: str = ""
    mode: str = ""


def read(host: Reads, paths: Iterable[str]) -> dict[str, File]:
    """Return the existing files among `paths` and below them, by path. Symbolic links are left out.

    CommandFailed where find, sha256sum or stat reports anything else than a missing path.
    """
    wanted = sorted(set(paths))
    found = "LC_ALL=C find" + " %s" * len(wanted) + " -type f -exec sha256sum {} + -exec stat -c '%%U:%%G %%a %%n' {} +"
    result = host.run(found, *wanted)
    if result.code > 1 or _FAILED.search(result.err):
        raise CommandFailed(f"{host.name}: files are not known", expected="exit code 0", seen=str(result))
    return parse(result.out)


def digest(text: str) -> str:
    """Return the digest that `read` returns for a file with this text."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[str, File]:
    """Parse lines of `sha256sum`, then lines of owner, mode and path."""
    digests = {found[2]: found[1] for line in text.splitlines() if (found := _DIGEST.fullmatch(line))}
    return {
        found["path"]: File(digests.get(found["path"], ""), found["owner"], found["mode"])
        for line in text.splitlines()
        if (found := _STAT.fullmatch(line))
    }


_FAILED = re.compile(r"^(find|sha256sum|stat): (?!.*: No such file or directory$)", re.MULTILINE)
_DIGEST = re.compile(r"([0-9a-f]{64})  (.+)")
_STAT = re.compile(r"(?P<owner>\S+:\S+) (?P<mode>[0-7]{1,4}) (?P<path>/.+)")


def difference(wanted: str, there: str, redact: Callable[[str], str]) -> str:
    """Return a unified diff from the wanted text to the text there. `redact` masks known secrets.

    Unknown secrets are recognised by their place: in a URL, or after a word such as password. Where a wanted line
    holds a secret in no such place (a file that is nothing but a secret), neither text is shown.
    """
    if is_secret(wanted, redact):
        return "it holds a secret, so neither is shown"
    diff = difflib.unified_diff(
        [redact(line) for line in wanted.splitlines()],
        shown(wanted, there, redact),
        "wanted",
        "there",
        lineterm="",
        n=1,
    )
    return "\n".join(diff) or "only the end of the last line differs"


def shown(wanted: str, there: str, redact: Callable[[str], str]) -> list[str]:
    """Return the lines of the text there; in those that are not wanted, unknown secrets are masked as well."""
    known = set(wanted.splitlines())
    return [redact(line) if line in known else _masked(redact(line)) for line in there.splitlines()]


def is_secret(wanted: str, redact: Callable[[str], str]) -> bool:
    """Return whether a file holds a secret in no place by which an unknown one is recognised."""
    return any(redact(line) != line == _masked(line) for line in wanted.splitlines())


def _masked(line: str) -> str:
    return _NAMED.sub(rf"\1{MASK} (another)", _IN_URL.sub(rf"\1{MASK} (another)@", line))


_IN_URL = re.compile(r"(://[^:/@\s]*:)\S+@")
_NAMED = re.compile(r"(?i)((?:password|passwd|secret|token|key|cookie|stats auth)[^\s=:]*\s*[=:\s]\s*)\S.*")
