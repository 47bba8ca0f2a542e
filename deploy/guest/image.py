"""The guest image: its files on the runner, ready for upload."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.errors import StackproofError

DiskFormat = Literal["qcow2", "raw"]

_QCOW2_MAGIC = b"QFI\xfb"
_BOOT_SIGNATURE = b"\x55\xaa"


class GuestImageError(StackproofError):
    """The guest image is missing, has another checksum or format than expected, or could not be built."""


@dataclass(frozen=True)
class GuestImage:
    """One bootable image. Without kernel and ramdisk the disk boots by itself."""

    name: str
    disk: Path
    kernel: Path | None
    ramdisk: Path | None
    disk_format: DiskFormat
    checksum: str
    """SHA-256 of the disk in hexadecimal; for a built guest it also changes with kernel and ramdisk."""
    login: str = "cirros"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def disk_format(path: Path) -> DiskFormat:
    """Return the format by the file's content; GuestImageError for any other content, such as a saved error page."""
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(_QCOW2_MAGIC):
        return "qcow2"
    if head[510:512] == _BOOT_SIGNATURE:
        return "raw"
    raise GuestImageError(
        f"guest image {path} is not a disk image",
        expected="qcow2, or a raw disk with a boot sector",
        seen=f"{path.stat().st_size} bytes that begin with {head[:16]!r}",
        hint="name an image that boots by itself, or none: a small guest is then built on the runner",
    )
