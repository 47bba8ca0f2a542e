"""Processes: the account, the unit and the niceness of each."""

from dataclasses import dataclass
from functools import lru_cache

from deploy.host import Reads

COMMAND = "ps -eo pid=,user:32=,unit="
"""The command whose output `parse` reads."""


@dataclass(frozen=True)
class Process:
    """One process; `unit` is empty where it belongs to no service."""

    user: str
    unit: str


def running(host: Reads) -> dict[int, Process]:
    """Return every process of that host, by process ID."""
    return parse(host.check(COMMAND))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[int, Process]:
    """Parse lines of process ID, user and unit; a dash for none."""
    words = [line.split() for line in text.splitlines()]
    return {
        int(pid): Process(user, unit.removesuffix(".service") if unit.endswith(".service") else "")
        for pid, user, unit in (entry for entry in words if len(entry) == 3)
        if pid.isdecimal()
    }


def users(running: dict[int, Process], unit: str) -> frozenset[str]:
    """Return the accounts a unit's processes run as."""
    return frozenset(process.user for process in running.values() if process.unit == unit)


def niceness(host: Reads) -> dict[str, frozenset[int]]:
    """Return the niceness of each unit's long-running processes, from -20 (first) to 19, by unit.

    A process with real-time scheduling has none; the set of a unit with no other is empty. Units without a process are
    left out.

    Long-running are a process that systemd started and its children. Deeper descendants are short-lived and have
    another niceness: Pacemaker runs its agents with 0 (`action_launch_child` in Pacemaker's services_linux.c).
    """
    return parse_niceness(host.check("ps -eo ni=,pid=,ppid=,unit="))


@lru_cache(maxsize=32)  # as above
def parse_niceness(text: str) -> dict[str, frozenset[int]]:
    """Parse lines of niceness (a dash: real time), process ID, parent ID and unit (a dash: none)."""
    listed = {words[1]: words for line in text.splitlines() if len(words := line.split()) == 4}
    mains = {pid for pid, (_, _, parent, _) in listed.items() if parent == "1"}
    found: dict[str, set[int]] = {}
    for pid, (nice, _, parent, unit) in listed.items():
        lasts = pid in mains or (parent in mains and listed[parent][3] == unit)
        if lasts and unit.endswith(".service"):
            own = found.setdefault(unit.removesuffix(".service"), set())
            own.update([int(nice)] if nice.lstrip("-").isdecimal() else [])
    return {unit: frozenset(values) for unit, values in found.items()}
