"""Checks whether this machine can hold the lab, by trial, and reports every problem at once."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import LabError
from deploy.inventory import Cluster, Node
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
"""The runner's packages, by a command that each provides."""


@dataclass(frozen=True)
class Need:
    """GiB one host needs: of memory for the system (`host`) and for each role, and of disk (`written`)."""

    host: float
    roles: Mapping[str, float]
    written: float


SERVING = Need(0.3, {"controller": 2.4, "network": 0.3, "compute": 1.4}, 2.0)
"""Memory under drills, and disk written in a day of drills; a role not named has no services of its own."""
STORING = Need(0.3, {"controller": 3.8, "network": 0.3, "compute": 1.5, "storage": 0.3}, 2.5)
"""The same with Ceph: a controller has Cinder and Horizon besides, and whatever uses Ceph loads its libraries."""
BARE = Need(0.025, {}, 0.1)
"""A bare image without services: forty such hosts ran in less than 1 GiB."""


def require_root() -> None:
    """Raise LabError unless this process runs as root, to create mounts, namespaces and control groups."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root", seen=f"uid {os.geteuid()}", hint="run the same command with sudo")


def need(cluster: Cluster, *, build: bool) -> Need:
    """Return what a host of the cluster needs; `build`: services are built on it, not only the machine brought up."""
    if cluster.lab is not None and cluster.lab.image == "bare" and not build:
        return BARE
    return STORING if "ceph" in cluster.features else SERVING


def ready(missing: list[Node], each: Need) -> None:
    """Install tools and check the runner for the hosts to be started; LabError with every problem."""
    if not missing:
        return
    install_tools()
    problems = [*_memory(missing, each), *_disk(missing, each), *trials.failures()]
    if problems:
        raise LabError(
            "this machine cannot hold the lab:" + "".join(f"\n  - {problem}" for problem in problems),
            expected=f"room for {', '.join(node.name for node in missing)}",
            hint="correct these, or pass an inventory with fewer machines",
        )


def install_tools() -> None:
    """Install the packages whose commands are missing on the runner, and journal their names."""
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


def memory_needed(nodes: list[Node], each: Need) -> float:
    """Return the GiB of memory these hosts need together."""
    return sum(each.host + sum(each.roles.get(role, 0.0) for role in node.roles) for node in nodes)


def disk_needed(nodes: list[Node], each: Need) -> float:
    """GiB of disk these hosts write together; the bound of each one's disk may be higher, but is seldom reached."""
    return len(nodes) * each.written


def _memory(missing: list[Node], each: Need) -> Iterator[str]:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available, needed = int(line.split()[1]) * 1024 / _GIB, memory_needed(missing, each)
            if available < needed:
                yield f"memory: {len(missing)} hosts need {needed:.1f} GiB, {available:.1f} GiB is available"


def _disk(missing: list[Node], each: Need) -> Iterator[str]:
    place = next(path for path in (names.STATE, *names.STATE.parents) if path.exists())
    free, needed = shutil.disk_usage(place).free / _GIB, disk_needed(missing, each)
    if free < needed:
        yield f"disk: {len(missing)} hosts write {needed:.0f} GiB below {names.STATE}, {free:.1f} GiB are free"


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
