"""Processes: as whom each runs, the unit it belongs to, and what goes before what."""

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


def niceness(host: Reads) -> dict[str, frozenset[int]]:
    """By unit, how nice its lasting processes are: from -20, before all others, to 19.

    Those are what systemd started and what that started. Further down are programs of a moment, whose niceness is
    another: Pacemaker gives all that it runs 0, whatever its own is (`action_launch_child` in its services_linux.c).
    """
    return parse_niceness(host.check("ps -eo ni=,pid=,ppid=,unit="))


@lru_cache(maxsize=32)  # as above
def parse_niceness(text: str) -> dict[str, frozenset[int]]:
    """Lines of niceness (a dash for real time, which has none), process, parent and unit (a dash for none)."""
    listed = {words[1]: words for line in text.splitlines() if len(words := line.split()) == 4}
    mains = {pid for pid, (_, _, parent, _) in listed.items() if parent == "1"}
    found: dict[str, set[int]] = {}
    for pid, (nice, _, parent, unit) in listed.items():
        lasts = pid in mains or (parent in mains and listed[parent][3] == unit)
        if lasts and nice.lstrip("-").isdecimal() and unit.endswith(".service"):
            found.setdefault(unit.removesuffix(".service"), set()).add(int(nice))
    return {unit: frozenset(seen) for unit, seen in found.items()}
