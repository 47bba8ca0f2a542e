"""Guests of the lab's computes: as on a compute of its own, they do not wait for a controller that boots."""

from contextlib import suppress
from pathlib import Path

from deploy.inventory import Cluster
from deploy.lab import groups

WEIGHT = "-10"
"""Their nice value among the sessions the kernel shares its processors out to (sched(7), autogroups)."""


def favour(cluster: Cluster) -> int:
    """Prefer the guests that run now to all other work of the lab; returns how many there are.

    Two cores that start twenty services at once leave an emulated guest a thirtieth of one, and what is measured from
    inside it, or in it, is then that. A kernel without autogroups favours nobody.
    """
    pids = [pid for node in cluster.nodes for pid in groups.members(node.name) if _is_guest(pid)]
    for pid in pids:
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(WEIGHT)
    return len(pids)


def _is_guest(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("qemu-system")
    except OSError:
        return False
