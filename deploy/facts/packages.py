"""Packages: the packages a machine can install, and the package sources it reaches."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.facts.ended import END, whole
from deploy.host import Reads

NO_LISTS = 3
"""Exit code of the platform's script where the machine has no package lists of its sources."""


@dataclass(frozen=True)
class Offer:
    """The answer of a machine's package manager."""

    missing: tuple[str, ...]
    """Packages that are neither installed nor available."""
    known: bool = True
    """False where the machine has no package lists; `missing` then means not installed."""


def offer(host: Reads, script: str, wanted: Iterable[str]) -> Offer:
    """Query the machine's package manager; reads the lists it has and downloads nothing."""
    names = sorted(set(wanted))
    result = host.run(f"exec sh -s -- {' '.join(['%s'] * len(names))}", *names, stdin=script)
    there = set(result.out.split())
    return Offer(tuple(name for name in names if name not in there), known=result.code != NO_LISTS)


def sources(host: Reads, script: str, lines: str = "") -> dict[str, str]:
    """Return why each source was not reached, by its index; empty: reached. `lines`: sources not yet configured."""
    given = [line.strip() for line in lines.splitlines() if line.strip()]
    out = host.check(f"exec sh -s -- {' '.join(['%s'] * len(given))}".strip(), *given, stdin=script)
    return parse(out)


def parse(text: str) -> dict[str, str]:
    """Parse lines of `reached|failed <index> <reason>`."""
    rows = [line.split(maxsplit=2) for line in text.splitlines()]
    return {
        row[1]: "" if row[0] == "reached" else (row[2] if len(row) > 2 else "no reason given")
        for row in rows
        if len(row) > 1 and row[0] in {"reached", "failed"}
    }


def held(host: Reads, script: str) -> list[str]:
    """Return the packages that the package manager neither upgrades nor removes; CommandFailed where it fails."""
    return whole(host, "held packages", host.check(f"sh -s && echo {END}", stdin=script)).split()
