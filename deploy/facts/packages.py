"""Packages: which of them a machine can have, and which of its package sources answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.host import Reads

NO_LISTS = 3
"""Exit code of the platform's script where the machine knows nothing of what its sources offer."""


@dataclass(frozen=True)
class Offer:
    """What a machine's package manager knows."""

    missing: tuple[str, ...]
    """Packages that are neither installed nor offered."""
    known: bool = True
    """False where the machine has no lists of its sources, so that `missing` says only what is not installed."""


def offer(host: Reads, script: str, wanted: Iterable[str]) -> Offer:
    """Ask the platform's package manager for packages; reads what the machine knows, fetches nothing."""
    names = sorted(set(wanted))
    result = host.run(f"exec sh -s -- {' '.join(['%s'] * len(names))}", *names, stdin=script)
    there = set(result.out.split())
    return Offer(tuple(name for name in names if name not in there), known=result.code != NO_LISTS)


def sources(host: Reads, script: str, lines: str = "") -> dict[str, str]:
    """Why each source was not reached, by its index; empty: it was. `lines`: sources the machine does not have yet."""
    given = [line.strip() for line in lines.splitlines() if line.strip()]
    out = host.check(f"exec sh -s -- {' '.join(['%s'] * len(given))}".strip(), *given, stdin=script)
    return parse(out)


def parse(text: str) -> dict[str, str]:
    """Lines of `reached|failed <index> <reason>`."""
    rows = [line.split(maxsplit=2) for line in text.splitlines()]
    return {
        row[1]: "" if row[0] == "reached" else (row[2] if len(row) > 2 else "no reason told")
        for row in rows
        if len(row) > 1 and row[0] in {"reached", "failed"}
    }
