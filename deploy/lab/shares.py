"""Shares: every host has processors of its own, as far as one machine can.

What a host leaves unused the others have; but fifty processes that start at once on one host take no more from the
others than one process would. Without it a controller that boots makes all others slow, as no real machine does.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from deploy.lab import names

ALL = 4 * 1024
"""The weight of all hosts together beside one process of the machine's own, whose weight is 1024."""
REAL_TIME, HOSTS_REAL_TIME = 900_000, 100_000
"""Microseconds a second for what runs with real-time priority (Corosync: a fiftieth) on all hosts, and on one."""


def of(group: str, unified: Path) -> Iterator[Path]:
    """Get a group its share; yields the group it has to enter for that, where it is another one.

    `unified` is the lab's group in the unified hierarchy. A machine that shares nothing out has a lab all the same.
    """
    with suppress(OSError):
        if above := _older():
            place = above / group
            place.mkdir(parents=True, exist_ok=True)
            (above / "cpu.shares").write_text(str(ALL))
            yield place
            # Not every kernel limits these, and of many hosts the last ones get none: Corosync does without.
            (above / "cpu.rt_runtime_us").write_text(str(REAL_TIME))
            (place / "cpu.rt_runtime_us").write_text(str(HOSTS_REAL_TIME))
        else:
            for place in (unified.parent, unified):
                (place / "cgroup.subtree_control").write_text("+cpu")


def end(group: str = "") -> bool:
    """Remove the group that nobody is in any more, or that of all hosts; False while somebody is."""
    try:
        if above := _older():
            (above / group).rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _older() -> Path | None:
    """The lab's group in the older hierarchy that shares processors out; None where only the unified one could."""
    return above / names.MARK if (above := _mounted()) else None


@cache
def _mounted() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, kind = line.partition(" - ")
        words = kind.split()
        if words[0] == "cgroup" and "cpu" in words[2].split(","):
            return Path(place.split()[4])
    return None
