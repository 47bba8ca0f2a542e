"""Control groups: one per host, so that units of the same name on different hosts never share a group.

The groups also divide the runner's CPU time: all hosts get equal shares. A booting host gets less, because it starts
some twenty services at once; on real hardware that takes no CPU time from other hosts. The lab as a whole gets the
share of one session of the runner. With five times that, the kernel let other processes wait for seconds.
"""

import errno
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import IO

from deploy.errors import LabError
from deploy.inventory import Cluster, Node
from deploy.lab import names
from deploy.lab.shell import until

ROOM, BUILD = "_room", "_build"
"""Groups of processes that belong to no host. Host names have no underscore, so these names are free."""
REAL_TIME, ALL = 100_000, 900_000
"""Microseconds per second for real-time processes, on kernels that limit them by group: of one host, and of all hosts
together. The kernel keeps 50,000 for other processes (sched_rt_runtime_us), and the runner needs some too."""
BOOTING = 1 / 8
"""CPU share of a booting host; a booted host has 1. With 1 from the start, serving hosts answered late while a
controller came back. A host without services has 1 at once: with less, its Galera, etcd and
Corosync lost their peers in the middle of a build."""
_ENTER = 'until [ "$1" = -- ]; do echo $$ > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


def _mounts(kind: str, option: str = "") -> Iterator[Path]:
    """Yield the mount points of a type of file system, with that option."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields = after.split()
        if fields[0] == kind and (not option or option in fields[2].split(",")):
            yield Path(before.split()[4])


@cache
def mount_point() -> Path:
    """Return the mount point of the unified hierarchy; LabError without one."""
    if found := next(_mounts("cgroup2"), None):
        return found
    raise LabError(
        "no unified control group hierarchy on the runner",
        expected="a mount of type cgroup2",
        hint="mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
    )


def parent() -> Path:
    """Return the group that contains all hosts' groups."""
    return mount_point() / names.MARK


@cache
def _beside() -> Path | None:
    """Return the same group in the cgroup v1 hierarchy of CPU shares; None where the unified one divides CPU time."""
    mounted = next(_mounts("cgroup", "cpu"), None)
    return mounted / names.MARK if mounted and os.access(mounted, os.W_OK) else None


def _places(group: str = "") -> list[Path]:
    """Return the directories of a group in each hierarchy; without a name, those of the parent."""
    return [place / group for place in (parent(), _beside()) if place is not None]


def real_time(cluster: Cluster, node: Node) -> int:
    """Return the microseconds per second for a host's real-time processes: only hosts with Corosync get a share."""
    members = cluster.role("controller") if "ha" in cluster.features else ()
    return min(REAL_TIME, ALL // len(members)) if node in members else 0


def _made(group: str, microseconds: int) -> list[Path]:
    """Create a group's missing directories, set its real-time limit, and return the directories."""
    places, shares = _places(group), _beside()
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    if shares is not None and microseconds:
        _allow(shares / "cpu.rt_runtime_us", ALL)
        _allow(shares / group / "cpu.rt_runtime_us", microseconds)
    elif shares is None and "cpu" in (parent() / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # the lab works without: hosts then share CPU time by their sessions
            (parent() / "cgroup.subtree_control").write_text("+cpu")
    return places


def _allow(limit: Path, microseconds: int) -> None:
    """Set a group's real-time limit. The kernel counts removed groups for a while, so a refusal is retried for 10 s."""

    def is_set() -> bool:
        try:
            limit.write_text(str(microseconds))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return False
        return True

    if limit.exists() and not until(is_set, timeout=10, every=0.02):
        raise LabError(
            f"{limit} cannot be set to {microseconds}",
            expected="enough real time that other groups do not use",
            seen=f"{limit.parent.parent / limit.name}: {(limit.parent.parent / limit.name).read_text().strip()}",
            hint="after adding controllers, run `python -m deploy.lab down`, then `up`, which divides real time again",
        )


def inside(group: str, command: list[str], *, real_time: int = 0) -> list[str]:
    """Return a command that runs `command` in a group of the lab; create the group where it is missing.

    `real_time`: microseconds per second for real-time processes. The process leaves the caller's own group, so that
    the lab survives the end of the caller's session or CI job.
    """
    return ["sh", "-c", _ENTER, "sh", *map(str, _made(group, real_time)), "--", *command]


def detach(command: list[str], log: IO[str], environment: Mapping[str, str]) -> None:
    """Start a process that belongs to no host and outlives the caller, with that environment only."""
    subprocess.Popen(
        inside(ROOM, command),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


def share(group: str) -> tuple[Path, int]:
    """Return the file with a group's CPU share, and the default value in that file."""
    beside = _beside()
    return (parent() / group / "cpu.weight", 100) if beside is None else (beside / group / "cpu.shares", 1024)


def kill(name: str) -> None:
    """Kill all processes of a group, and remove the group; LabError where it stays busy for 10 s."""
    switch = parent() / name / "cgroup.kill"
    if switch.exists():
        switch.write_text("1")
    for place in _places(name):
        if not until(partial(_remove, place), timeout=10):
            raise LabError(f"control group {place} cannot be removed", seen=f"processes {members(name)}")


def members(node: str) -> list[int]:
    """Return the PIDs of all processes of a host, in the runner's PID namespace."""
    found: list[int] = []
    for place, _, _ in os.walk(parent() / node):  # os.walk skips groups that disappear meanwhile
        with suppress(OSError):
            found += [int(pid) for pid in Path(place, "cgroup.procs").read_text().split()]
    return found


def remove_all() -> None:
    """Kill all processes in the hosts' groups, and remove the groups."""
    found = [group for place in _places() if place.exists() for group in place.iterdir() if group.is_dir()]
    for name in {group.name for group in found}:
        kill(name)
    # systemd-nspawn leaves groups of the same names in systemd's own hierarchy, where there is one.
    for place in (*_places(), *(mounted / names.MARK for mounted in _mounts("cgroup", "name=systemd"))):
        _remove(place)


def memory(node: str) -> int:
    """Return the bytes of memory of a host's processes; shared pages count in proportion (PSS)."""
    return sum(_proportional(pid) for pid in members(node))


def _proportional(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _remove(group: Path) -> bool:
    """Remove a tree of groups from the leaves up; False while a group is busy."""
    try:
        for inner in sorted(group.rglob("*/"), reverse=True):
            inner.rmdir()
        group.rmdir()
    except FileNotFoundError:
        return not group.exists()
    except OSError:
        return False
    return True
