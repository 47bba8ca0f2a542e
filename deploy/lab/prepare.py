"""Whether this machine can hold the lab: tried, not guessed, and all that is missing told at once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import LabError
from deploy.inventory import Node
from deploy.journal import JOURNAL
from deploy.lab import names, trials
from deploy.lab.shell import phase, run, succeeds

_GIB = 1 << 30
TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "mkfs.ext4": "e2fsprogs",
    "losetup": "mount",
    "sysctl": "procps",
    "qemu-img": "qemu-utils",
    "cpio": "cpio",
    "gpgv": "gpgv",
}
"""Runner packages by a command each of them brings."""

_HOST_GIB = 0.3
_ROLE_GIB = {"controller": 2.4, "network": 0.3, "compute": 1.4, "storage": 1.0}
"""Memory one host takes under drills: the system itself, and what each role adds."""
_WRITTEN_GIB = 2.0
"""Disk one host writes in a day of drills; its bound may be higher, but is seldom reached."""


def require_root() -> None:
    """Raise LabError unless this process may make mounts, namespaces and control groups."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root", seen=f"uid {os.geteuid()}", hint="run it with sudo")


def ready(missing: list[Node]) -> None:
    """Make the runner ready for the hosts that are to be started; LabError with everything that stands against it."""
    if not missing:
        return
    install_tools()
    problems = [*_memory(missing), *_disk(missing), *trials.failures()]
    if problems:
        raise LabError(
            "this machine cannot hold the lab:" + "".join(f"\n  - {problem}" for problem in problems),
            expected=f"room for {', '.join(node.name for node in missing)}",
            hint="mend these, or pass an inventory with fewer machines",
        )


def install_tools() -> None:
    """Install the packages whose commands are missing on the runner, and say which."""
    packages = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool, path=_path())})
    if not packages:
        return
    JOURNAL.emit("note", f"installing on this machine: {' '.join(packages)}")
    install = (
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "--no-install-recommends",
        *packages,
    )
    with phase("installing runner packages"):
        if not succeeds(*install, timeout=900):
            run("apt-get", "update", timeout=300)
            run(*install, timeout=900)


def memory_needed(nodes: list[Node]) -> float:
    """GiB of memory these hosts need together."""
    return sum(_HOST_GIB + sum(_ROLE_GIB[role] for role in node.roles) for node in nodes)


def _memory(missing: list[Node]) -> Iterator[str]:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available, needed = int(line.split()[1]) * 1024 / _GIB, memory_needed(missing)
            if available < needed:
                yield f"memory: {len(missing)} hosts need {needed:.1f} GiB, {available:.1f} GiB is available"


def _disk(missing: list[Node]) -> Iterator[str]:
    place = next(path for path in (names.STATE, *names.STATE.parents) if path.exists())
    free, needed = shutil.disk_usage(place).free / _GIB, len(missing) * _WRITTEN_GIB
    if free < needed:
        yield f"disk: {len(missing)} hosts write {needed:.0f} GiB below {names.STATE}, {free:.1f} GiB are free"


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
