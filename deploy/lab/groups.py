"""Control groups: one for every host, so that same-named units of different hosts never share one.

Hosts share the runner's processors by them as well: all get the same, whatever runs on them. Only one that boots gets
less until it has, for it starts some twenty services at once, and on hardware takes nothing from the others by that.
A lab as a whole gets what one session of the runner gets. With five times that, the kernel let others wait for seconds.
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
"""Groups of what belongs to no host. Host names have no underscore, so no host is called so."""
REAL_TIME, ALL = 100_000, 900_000
"""Microseconds of a second that real-time processes may take, where groups limit that: of one host at most, and of all
hosts together. The kernel keeps 50,000 for other processes (sched_rt_runtime_us), and the runner has some as well."""
BOOTING = 1 / 8
"""What a host gets of the processors until it has booted, where one that has gets 1. With 1 from the start, those that
served answered late as a controller came back. A bare one, which starts nothing but what is built on it, has 1 at once:
with less its Galera, etcd and Corosync lost their peers in the middle of a build."""
_ENTER = 'until [ "$1" = -- ]; do echo $$ > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


def _mounts(kind: str, option: str = "") -> Iterator[Path]:
    """Where hierarchies of that kind are mounted, with that option of the file system."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        told = after.split()
        if told[0] == kind and (not option or option in told[2].split(",")):
            yield Path(before.split()[4])


@cache
def mount_point() -> Path:
    """Where the unified hierarchy is mounted; LabError where it is not."""
    if found := next(_mounts("cgroup2"), None):
        return found
    raise LabError(
        "no unified control group hierarchy on the runner",
        expected="a mount of type cgroup2",
        hint="mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
    )


def parent() -> Path:
    """The group that holds all hosts' groups."""
    return mount_point() / names.MARK


@cache
def _beside() -> Path | None:
    """The same in the older hierarchy that shares out processors, where the unified one does not."""
    mounted = next(_mounts("cgroup", "cpu"), None)
    return mounted / names.MARK if mounted and os.access(mounted, os.W_OK) else None


def _places(group: str = "") -> list[Path]:
    """Where a group is, or all of them are."""
    return [place / group for place in (parent(), _beside()) if place is not None]


def real_time(cluster: Cluster, node: Node) -> int:
    """Microseconds of a second for a host's real-time processes: those that run Corosync share; all others get none."""
    members = cluster.role("controller") if "ha" in cluster.features else ()
    return min(REAL_TIME, ALL // len(members)) if node in members else 0


def _made(group: str, microseconds: int) -> list[Path]:
    """The places of a group, which are made where they are missing, with what they get of the processors."""
    places, shares = _places(group), _beside()
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    if shares is not None and microseconds:
        _allow(shares / "cpu.rt_runtime_us", ALL)
        _allow(shares / group / "cpu.rt_runtime_us", microseconds)
    elif shares is None and "cpu" in (parent() / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # a lab does without, as hosts then share by their sessions
            (parent() / "cgroup.subtree_control").write_text("+cpu")
    return places


def _allow(limit: Path, microseconds: int) -> None:
    """Set a group's real time, which counts with that of groups that are gone until the kernel has forgotten them."""

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
            f"{limit} takes no {microseconds}",
            expected="enough real time left by others beside it",
            seen=f"{limit.parent.parent / limit.name}: {(limit.parent.parent / limit.name).read_text().strip()}",
            hint="a lab that grew by controllers shares anew once it is down and up again",
        )


def inside(group: str, command: list[str], *, real_time: int = 0) -> list[str]:
    """The command that runs `command` inside a group of the lab, which is made where it is missing.

    Its real-time processes may take that many microseconds of a second.
    Out of the caller's own group: when its session or CI job ends, the lab must not end with it.
    """
    return ["sh", "-c", _ENTER, "sh", *map(str, _made(group, real_time)), "--", *command]


def detach(command: list[str], log: IO[str], environment: Mapping[str, str]) -> None:
    """Start what belongs to no host and outlives its caller; it has no other environment than that."""
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
    """The file that tells what a group gets of the processors, and what it tells of one that gets as much as others."""
    beside = _beside()
    return (parent() / group / "cpu.weight", 100) if beside is None else (beside / group / "cpu.shares", 1024)


def kill(name: str) -> None:
    """Kill what may still run in a group, and remove the group. LabError where it stays busy."""
    switch = parent() / name / "cgroup.kill"
    if switch.exists():
        switch.write_text("1")
    for place in _places(name):
        if not until(partial(_remove, place), timeout=10):
            raise LabError(f"control group {place} cannot be removed", seen=f"processes {members(name)}")


def members(node: str) -> list[int]:
    """Pids of all processes of a host, as the runner sees them."""
    found: list[int] = []
    for place, _, _ in os.walk(parent() / node):  # which passes over groups that go meanwhile
        with suppress(OSError):
            found += [int(pid) for pid in Path(place, "cgroup.procs").read_text().split()]
    return found


def remove_all() -> None:
    """Remove the groups of all hosts, and what runs in them."""
    found = [group for place in _places() if place.exists() for group in place.iterdir() if group.is_dir()]
    for name in {group.name for group in found}:
        kill(name)
    # Where systemd has a hierarchy of its own, an nspawn makes groups of the same names there, and leaves them.
    for place in (*_places(), *(mounted / names.MARK for mounted in _mounts("cgroup", "name=systemd"))):
        _remove(place)


def memory(node: str) -> int:
    """Bytes of memory a host's processes take, shared pages counted once over all who share them."""
    return sum(_proportional(pid) for pid in members(node))


def _proportional(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _remove(group: Path) -> bool:
    """Remove a tree of groups from its leaves; False while one is busy."""
    try:
        for inner in sorted(group.rglob("*/"), reverse=True):
            inner.rmdir()
        group.rmdir()
    except FileNotFoundError:
        return not group.exists()
    except OSError:
        return False
    return True
