"""Kernel modules: which files a guest needs, and in which order they can be inserted."""

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
"""Without these a guest has no disk or no network, unless the kernel has them built in."""
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
"""Entropy, the power button, memory figures, disks on SCSI, and config drives of either kind."""

_SUFFIX = re.compile(r"\.ko(\.(gz|xz|zst))?$")
_DEPENDS = re.compile(rb"(?:^|\0)depends=([^\0]*)\0")


def canonical(name: str) -> str:
    """A module's one name: files and lists spell `-` and `_` at will."""
    return _SUFFIX.sub("", name).replace("-", "_")


def index(tree: Path) -> dict[str, Path]:
    """Every module file below `tree`, by canonical name."""
    return {canonical(path.name): path for path in tree.rglob("*.ko*") if _SUFFIX.search(path.name)}


def builtin(listing: str) -> frozenset[str]:
    """Names in a `modules.builtin` file: present without being loaded."""
    return frozenset(canonical(line.rpartition("/")[2]) for line in listing.split())


def depends(module: bytes) -> tuple[str, ...]:
    """What an uncompressed module says it needs.

    Read from the module itself: packages carry no modules.dep, which depmod would write on installation.
    """
    found = _DEPENDS.search(module)
    names = found.group(1).decode() if found else ""
    return tuple(canonical(name) for name in names.split(",") if name)


def order(wanted: Iterable[str], needs: Callable[[str], Iterable[str]]) -> list[str]:
    """`wanted` and all they need, each after its needs; wanted ones keep their order where they can."""
    graph: dict[str, list[str]] = {}
    queue = list(wanted)
    for name in queue:
        if name not in graph:
            graph[name] = sorted(needs(name))
            queue += graph[name]
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise GuestImageError("kernel modules need each other in a circle", seen=" -> ".join(error.args[1])) from None


def select(tree: Path, present: frozenset[str]) -> dict[str, bytes]:
    """Modules of the guest in loading order, uncompressed; `present` are built into the kernel.

    Raises GuestImageError where a needed one is neither a file nor built in.
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
    """A module's bytes, whatever it is packed with; the `zstd` tool is needed for .zst only."""
    packed = path.read_bytes()
    match path.suffix:
        case ".gz":
            return gzip.decompress(packed)
        case ".xz":
            return lzma.decompress(packed)
        case ".zst":
            if not shutil.which("zstd"):
                raise GuestImageError(f"{path.name} cannot be unpacked", expected="the zstd tool on the runner")
            return subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=True).stdout
    return packed
