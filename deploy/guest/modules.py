"""Kernel modules: the modules a guest needs, in the order they can be inserted."""

import gzip
import lzma
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from deploy.guest.image import GuestImageError

NEEDED = ("virtio_pci", "virtio_net", "virtio_blk")
"""Modules without which a guest has no disk or no network, unless they are built into the kernel."""
WELCOME = (
    "virtio_rng",
    "button",
    "evdev",
    "virtio_balloon",
    "virtio_scsi",
    "sd_mod",
    "ata_piix",
    "sr_mod",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_utf8",
)
"""Optional modules: entropy, the power button, memory statistics, SCSI disks, and config drives of either kind."""

_SUFFIX = re.compile(r"\.ko(\.(gz|xz|zst))?$")
_DEPENDS = re.compile(rb"(?:^|\0)depends=([^\0]*)\0")


def canonical(name: str) -> str:
    """Return a module's name with `_` for `-`, without suffix: files and lists use both spellings."""
    return _SUFFIX.sub("", name).replace("-", "_")


def index(tree: Path) -> dict[str, Path]:
    """Return every module file below `tree`, by canonical name."""
    return {canonical(path.name): path for path in tree.rglob("*.ko*") if _SUFFIX.search(path.name)}


def builtin(listing: str) -> frozenset[str]:
    """Return the names in a `modules.builtin` file, which are built into the kernel."""
    return frozenset(canonical(line.rpartition("/")[2]) for line in listing.split())


def depends(module: bytes) -> tuple[str, ...]:
    """Return the modules that an uncompressed module depends on.

    They are read from the module itself, since depmod writes modules.dep only at installation.
    """
    found = _DEPENDS.search(module)
    names = found.group(1).decode() if found else ""
    return tuple(canonical(name) for name in names.split(",") if name)


def order(wanted: Iterable[str], needs: Callable[[str], Iterable[str]]) -> list[str]:
    """Return `wanted` and their dependencies, each after its own dependencies, otherwise in the given order."""
    graph: dict[str, list[str]] = {}
    queue = list(wanted)
    for name in queue:
        if name not in graph:
            graph[name] = sorted(needs(name))
            queue += graph[name]
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise GuestImageError(
            "kernel modules depend on each other in a circle", seen=" -> ".join(error.args[1])
        ) from None


def select(tree: Path, present: frozenset[str]) -> dict[str, bytes]:
    """Return the guest's modules in loading order, uncompressed, by name; `present` are built into the kernel.

    Raises GuestImageError where a module of NEEDED is neither a file nor built in.
    """
    files = index(tree)
    missing = [name for name in NEEDED if name not in files and name not in present]
    if missing:
        raise GuestImageError(
            f"the guest's kernel has no {', '.join(missing)}",
            expected="virtio drivers as modules or built in",
            seen=f"{len(files)} modules and {len(present)} built-in drivers below {tree}",
        )

    @cache
    def content(name: str) -> bytes:
        return uncompressed(files[name])

    def needs(name: str) -> list[str]:
        return [need for need in depends(content(name)) if need in files]

    wanted = [name for name in (*NEEDED, *WELCOME) if name in files]
    return {name: content(name) for name in order(wanted, needs)}


def uncompressed(path: Path) -> bytes:
    """Return a module's uncompressed bytes; .zst needs the `zstd` tool, GuestImageError without it."""
    packed = path.read_bytes()
    match path.suffix:
        case ".gz":
            return gzip.decompress(packed)
        case ".xz":
            return lzma.decompress(packed)
        case ".zst":
            if not shutil.which("zstd"):
                raise GuestImageError(f"{path.name} cannot be uncompressed", expected="the zstd tool on the runner")
            return subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=True).stdout
    return packed
