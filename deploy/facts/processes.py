"""Processes: as whom each runs, and the unit it belongs to."""

from dataclasses import dataclass
from functools import lru_cache

from deploy.host import Reads

COMMAND = "ps -eo pid=,user:32=,unit="
"""Asks for what `parse` reads."""


@dataclass(frozen=True)
class Process:
    """One process. No `unit`: it belongs to no service."""

    user: str
    unit: str


def running(host: Reads) -> dict[int, Process]:
    """Every process of that host, by its id."""
    return parse(host.check(COMMAND))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[int, Process]:
    """Lines of id, user and unit; a dash for none."""
    words = [line.split() for line in text.splitlines()]
    return {
        int(pid): Process(user, unit.removesuffix(".service") if unit.endswith(".service") else "")
        for pid, user, unit in (entry for entry in words if len(entry) == 3)
        if pid.isdecimal()
    }


def users(running: dict[int, Process], unit: str) -> frozenset[str]:
    """The accounts a unit's processes run as."""
    return frozenset(process.user for process in running.values() if process.unit == unit)
