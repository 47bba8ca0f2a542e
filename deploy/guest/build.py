"""The cirros-like guest: Debian's cloud kernel, busybox and dropbear on an ext4 disk, and a ramdisk that mounts it.

What scripts for cirros expect besides (curl, netcat, lsblk, blkid, mkfs) are Debian's own programs.

Kernel and ramdisk are images of their own, so that no boot loader is needed. The disk holds the whole system: a
snapshot of it, or a volume made from it, boots with all that an instance wrote.

A build is cached by a key of its recipe (the files that shape it) and of the machine's architecture. Package versions
are not in the key, because querying apt takes longer than everything else here. The manifest of the build records them;
`fresh=True`, or removing the directory, builds with newer versions.
"""

import hashlib
import json
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from deploy.guest import cpio, ext4, packages, rootfs
from deploy.guest.image import GuestImage, GuestImageError, sha256
from deploy.journal import JOURNAL

DISK_MIB = 64
"""Virtual size of the root disk. The system takes 20 MiB, and the journal, which power losses need, 4."""
LABEL = "stackproof"

_RECIPE = Path(__file__).parent
_SHAPING = ("build.py", "cpio.py", "ext4.py", "modules.py", "packages.py", "rootfs.py")
_OVERLAYS = ("ramdisk", "rootfs")
_MANIFEST = "manifest.json"
_TOOLS = {"qemu-img": "qemu-utils", **ext4.TOOLS}
_NAMESPACE = uuid.UUID("6b1f5c0e-3a38-4a56-9f5e-6d2f0a2c7d11")
_LOCK_SECONDS = 900.0


def recipe_key(recipe: Path = _RECIPE, machine: str = platform.machine()) -> str:
    """Return twelve hexadecimal digits that change with any file of the recipe and with the architecture."""
    digest = hashlib.sha256(machine.encode())
    overlay = (path for name in _OVERLAYS for path in (recipe / name).rglob("*") if path.is_file())
    for path in [*(recipe / name for name in _SHAPING), *sorted(overlay)]:
        digest.update(f"\0{path.relative_to(recipe).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def built(cache: Path, *, fresh: bool = False) -> GuestImage:
    """Return the guest of this recipe: from `cache` in milliseconds, else built there in 10 to 40 s.

    Needs a Debian runner on x86-64 with package sources, and root only where tools or package lists are missing.
    """
    home = cache / f"guest-{recipe_key()}"
    if not fresh and (image := kept(home)):
        return image
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "guest.lock", timeout=_LOCK_SECONDS):
        if not fresh and (image := kept(home)):
            return image
        began = time.monotonic()
        _build(home)
        image = kept(home)
    if image is None:
        raise GuestImageError(f"the guest image in {home} vanished while it was built")
    JOURNAL.emit("note", f"built the guest image {image.name} in {home}", seconds=time.monotonic() - began)
    return image


def kept(home: Path) -> GuestImage | None:
    """Return the build in that directory; None where it is missing or incomplete."""
    try:
        manifest = json.loads((home / _MANIFEST).read_text())
        checksum = str(manifest["checksum"])
    except (OSError, ValueError, KeyError):
        return None
    disk, kernel, ramdisk = (home / name for name in ("disk.qcow2", "vmlinuz", "initramfs.gz"))
    if not all(path.is_file() for path in (disk, kernel, ramdisk)):
        return None
    name = f"stackproof-{home.name}"
    return GuestImage(name=name, disk=disk, kernel=kernel, ramdisk=ramdisk, disk_format="qcow2", checksum=checksum)


def _build(home: Path) -> None:
    if platform.machine() != "x86_64":
        raise GuestImageError(
            "the guest image can only be built for x86-64",
            expected="a runner on x86-64",
            seen=platform.machine(),
            hint="name an image in the inventory (image.file or image.url)",
        )
    packages.install_missing(_TOOLS)
    # The lock is held, so leftovers of other builds belong to runs that were killed.
    for leftover in home.parent.glob(".guest-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}-"))
    try:
        _assemble(work)
        shutil.rmtree(home, ignore_errors=True)
        work.chmod(0o755)
        work.rename(home)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _assemble(work: Path) -> None:
    parts = work / "packages"
    versions = packages.fetch(parts)
    ramdisk, system = cpio.compressed(rootfs.ramdisk(parts)), rootfs.entries(parts)
    (work / "initramfs.gz").write_bytes(ramdisk)
    shutil.copyfile(rootfs.kernel(parts), work / "vmlinuz")
    shutil.rmtree(parts)
    boots = hashlib.sha256(ramdisk + sha256(work / "vmlinuz").encode()).hexdigest()
    disk = work / "disk.qcow2"
    _make_disk(disk, str(uuid.uuid5(_NAMESPACE, boots)), system)
    manifest = {"checksum": sha256(disk), "packages": versions}
    (work / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _make_disk(disk: Path, identity: str, system: Sequence[cpio.Entry]) -> None:
    """Make the disk. Its UUID derives from kernel and ramdisk, so that one checksum covers all three."""
    raw = disk.with_suffix(".raw")
    ext4.make(raw, DISK_MIB << 20, LABEL, identity, system)
    ext4.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", str(raw), str(disk)])
    raw.unlink()
