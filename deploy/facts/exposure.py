"""Exposure: secrets any user of a host can read, configuration any user can write, and the sign-in settings of sshd."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploy.errors import CommandFailed
from deploy.facts.ended import END, whole
from deploy.facts.searching import KINDS, SAMPLE, script, spellings
from deploy.host import Reads

CONFIGURATION = ("/etc", "/usr/local", "/opt")
"""Folders of a host's configuration and of its locally installed programs."""
SHORTEST = 12
"""The shortest secret searched for, in characters; a shorter text may be in a file by chance."""


@dataclass(frozen=True)
class Exposure:
    """The files and commands that any user of a host can read, as `<path>, line 3, 7` without their content."""

    passwords: tuple[str, ...] = ()
    """Those with a password or private key, recognised by the form of the line."""
    secrets: tuple[str, ...] = ()
    """Those with one of the given secrets."""
    unknown: tuple[str, ...] = ()
    """Why the lists may be incomplete, such as `not known: grep: /srv/a: Input/output error`."""


def read(host: Reads, secrets: Iterable[str], packaged: Iterable[str]) -> Exposure:
    """Search the local file systems and the commands of running programs, in one round trip.

    Files that come with packages are left out: `packaged`, and those below /usr, except /usr/local. A search of /usr
    would take 0.4 s of CPU; the others take 0.1 s.
    The secrets travel on stdin. They are searched for as they are, URL-encoded and in base64, and the search passes
    them on in the environment of root's processes, which only root can read.
    """
    wanted = sorted({form for secret in secrets if len(secret) >= SHORTEST for form in spellings(secret)})
    return parse(host.check(script(packaged), stdin="\n".join(wanted), timeout=60))


def parse(text: str) -> Exposure:
    """Parse lines of `found <kind> <path> <numbers of lines>`, separated by tabs, and of `begun` and `ended`.

    Any other line is an error message. A search without its sample did not work, whatever it found besides.
    """
    rows = [line.split("\t") for line in text.splitlines()]
    found = {kind: [row[2:] for row in rows if row[:2] == ["found", kind] and len(row) > 3] for kind in KINDS}
    listed = {kind: [_place(*row) for row in of_kind if row[0] != SAMPLE] for kind, of_kind in found.items()}
    return Exposure(
        passwords=tuple(dict.fromkeys(listed["passwords"] + listed["passwords of commands"])),
        secrets=tuple(dict.fromkeys(listed["secrets"] + listed["secrets of commands"])),
        unknown=tuple(dict.fromkeys(f"not known: {reason}" for reason in _failures(rows, found))),
    )


def _failures(rows: list[list[str]], found: dict[str, list[list[str]]]) -> Iterator[str]:
    if rows.count(["begun"]) != rows.count(["ended"]):
        yield "a part of the search ended early"
    for kind, of_kind in found.items():
        if not any(row[0] == SAMPLE for row in of_kind):
            yield f"the search for {kind} did not find its sample in {SAMPLE}"
    others = ("\t".join(row) for row in rows if row[0] not in {"found", "begun", "ended"})
    yield from (line for line in others if line and not _VANISHED.search(line))


def _place(*row: str) -> str:
    *path, numbers = row
    lines = f", line {', '.join(numbers.split())}" if path[0].startswith("/") else ""
    return " ".join(path) + lines


_VANISHED = re.compile(r"(No such file or directory|No such process)$|cannot open .*: No such file")


def writable(host: Reads) -> list[str]:
    """Return the files and folders of CONFIGURATION that any user can write, folders with a sticky bit included."""
    ask = f"find %s %s %s -xdev '(' -type f -o -type d ')' -perm -0002 -print && echo {END}"
    return whole(host, "files that everyone may write", host.check(ask, *CONFIGURATION, timeout=60)).splitlines()


def sign_in(host: Reads) -> dict[str, str]:
    """Return sshd's effective settings (`sshd -T`), by name in lower case; CommandFailed where sshd lists none."""
    out = host.check("$(command -v sshd || echo /usr/sbin/sshd) -T")
    settings = dict(line.split(" ", 1) for line in out.splitlines() if " " in line)
    if "passwordauthentication" not in settings:
        raise CommandFailed(
            f"{host.name}: sshd's settings are not known",
            expected="passwordauthentication among the lines of `sshd -T`",
            seen=f"{len(settings)} settings",
        )
    return settings
