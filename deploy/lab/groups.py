"""Control groups: one for every host, so that same-named units of different hosts never share one."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from deploy.errors import LabError
from deploy.lab import names
from deploy.lab.shell import until

ROOM, BUILD = "_room", "_build"
"""Groups of what belongs to no host. Host names have no underscore, so no host is called so."""
_ENTER = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'


@cache
def mount_point() -> Path:
    """Where the unified hierarchy is mounted; LabError where it is not."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] == "cgroup2":
            return Path(before.split()[4])
    raise LabError(
        "no unified control group hierarchy on the runner",
        expected="a mount of type cgroup2",
        hint="mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
    )


def parent() -> Path:
    """The group that holds all hosts' groups."""
    return mount_point() / names.MARK


def inside(group: str, command: list[str]) -> list[str]:
    """The command that runs `command` inside a group of the lab, which is made where it is missing.

    Out of the caller's own group: when its session or CI job ends, the lab must not end with it.
    """
    place = parent() / group
    place.mkdir(parents=True, exist_ok=True)
    return ["sh", "-c", _ENTER, "sh", str(place), *command]


def kill(name: str) -> None:
    """Kill what may still run in a group, and remove the group. LabError where it stays busy."""
    group = parent() / name
    if not group.exists():
        return
    switch = group / "cgroup.kill"
    if switch.exists():
        switch.write_text("1")
    if not until(lambda: _remove(group), timeout=10):
        raise LabError(f"control group {group} cannot be removed", seen=f"processes {members(name)}")


def members(node: str) -> list[int]:
    """Pids of all processes of a host, as the runner sees them."""
    found: list[int] = []
    for place, _, _ in os.walk(parent() / node):  # which passes over groups that go meanwhile
        with suppress(OSError):
            found += [int(pid) for pid in Path(place, "cgroup.procs").read_text().split()]
    return found


def remove_all() -> None:
    """Remove the groups of all hosts, and what runs in them."""
    if not parent().exists():
        return
    for group in parent().iterdir():
        if group.is_dir():
            kill(group.name)
    parent().rmdir()


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
