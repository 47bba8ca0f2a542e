"""Processors of a lab in a drill: as on machines of their own, who serves does not wait for a host that boots."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.inventory import Cluster
from deploy.lab import groups, redfish

APART, SERVING = -15, -10
"""Nice values among the sessions the kernel shares its processors out to (sched(7), autogroups); new ones have 0.
`APART` is who would not share a host's processors at all, or not for long: guests, and the power controller.
"""
STARTING = 0.05
"""Who has taken more of a processor than that since it began is starting still; among many that do, it gets no more."""
EVERY = 2.0
"""Seconds between two looks at what has begun."""


@contextmanager
def kept(cluster: Cluster) -> Iterator[None]:
    """Prefer what serves on the hosts to what starts there, and guests to that, until the block ends and beyond.

    All hosts share the runner's processors. One that boots starts some twenty services at once, and what is measured
    at the others is then the time they wait for a processor: an emulated guest got the thirtieth part of two cores, and
    a token took half a second instead of twenty milliseconds. Fencing waits for the power controller in the same way,
    which is a machine of its own elsewhere. Nobody is preferred by a kernel without autogroups, or
    where a control group of the runner's shares the processors out.
    """
    for controller in redfish.running():
        with suppress(OSError):
            _prefer(controller, APART)
    serving = Serving(cluster)
    serving.prefer(all_of_them=True)
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(EVERY):
            serving.prefer()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass
class Serving:
    """The sessions of a lab's hosts; those that are preferred once stay so."""

    cluster: Cluster
    _preferred: set[int] = field(default_factory=set)

    def prefer(self, *, all_of_them: bool = False) -> None:
        """Prefer the sessions that serve, or all of them."""
        found = {pid for node in self.cluster.nodes for pid in groups.members(node.name)}
        self._preferred &= found
        for pid in found - self._preferred:
            with suppress(OSError, ValueError):  # it has ended meanwhile, or we may not
                if all_of_them or _share(pid) < STARTING:
                    _prefer(pid, APART if _is_guest(pid) else SERVING)
                    self._preferred.add(pid)


def _prefer(pid: int, wanted: int) -> None:
    group = Path(f"/proc/{pid}/autogroup")
    told = group.read_text().split()  # "/autogroup-53 nice 0"; nothing where the process is of none
    if told and int(told[-1]) > wanted:
        group.write_text(str(wanted))


def _is_guest(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().startswith("qemu-system")


def _share(pid: int) -> float:
    """Of a processor, since it began, with the children it has waited for; in its first second all of one."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    taken, began = sum(map(int, told[11:15])) / _TICKS, int(told[19]) / _TICKS
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    return taken / age if age > 1 else 1.0


_TICKS = os.sysconf("SC_CLK_TCK")
