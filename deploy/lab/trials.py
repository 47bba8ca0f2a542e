"""Trials of the runner's kernel: create once what the lab needs, and report what fails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import LabError
from deploy.lab import groups, mounts, names
from deploy.lab.shell import run, succeeds

_MODULES = (
    *("overlay", "loop", "tun", "veth", "bridge", "br_netfilter", "vxlan", "nf_tables", "nft_compat", "nf_conntrack"),
    *(
        "ip_tables",
        "ip6_tables",
        "iptable_filter",
        "iptable_nat",
        "ip_set",
        "xt_set",
        "ebtables",
        "kvm_intel",
        "kvm_amd",
    ),
)
"""Modules that hosts need and cannot load; the runner loads those its kernel has."""

_LINKS = """\
link add trial-a type veth peer name trial-b
link add trial-br type bridge
link set trial-a master trial-br
link add trial-vx type vxlan id 7 dstport 4789 local 127.0.0.1 dev lo
tuntap add trial-tap mode tap
"""


_TRIAL = "trial-"


def failures() -> list[str]:
    """Return what this kernel cannot do, as `feature: error`; empty where nothing failed."""
    for module in _MODULES:
        succeeds("modprobe", "-q", module)
    return [*_network(), *_storage(), *_groups()]


def clean() -> None:
    """Remove the leftovers of an interrupted trial."""
    for left in names.STATE.parent.glob(f"{_TRIAL}*"):
        mounts.remove_tree(left)


def _network() -> Iterator[str]:
    space = f"{names.PREFIX}trial"
    succeeds("ip", "netns", "delete", space)
    try:
        run("ip", "netns", "add", space)
    except LabError as error:
        yield f"network namespaces: {error.seen}"
        return
    try:
        for line in _LINKS.splitlines():
            try:
                run("ip", "-n", space, *line.split())
            except LabError as error:
                yield f"`ip {line}`: {error.seen}"
    finally:
        succeeds("ip", "netns", "delete", space)


def _storage() -> Iterator[str]:
    names.STATE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_TRIAL, dir=names.STATE.parent) as created:
        top = Path(created)
        try:
            with (top / "disk.img").open("wb") as file:
                file.truncate(16 << 20)
            run("mkfs.ext4", "-q", "-F", top / "disk.img")
            (top / "disk").mkdir()
            run("mount", "-o", "loop", top / "disk.img", top / "disk")
            for name in ("lower", "disk/upper", "disk/work", "root"):
                (top / name).mkdir()
            run("mount", "-t", "overlay", "-o", mounts.overlay(top / "lower", top / "disk"), "overlay", top / "root")
        except LabError as error:
            yield f"{error.what}: {error.seen}"
        finally:
            mounts.unmount_below(top)


def _groups() -> Iterator[str]:
    try:
        groups.parent().mkdir(exist_ok=True)
    except (LabError, OSError) as error:
        yield f"control groups: {error}"
