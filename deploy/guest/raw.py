"""The guest image as a raw disk: Ceph clones disks from raw images alone; others would be downloaded and converted."""

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from deploy.guest import packages
from deploy.guest.image import GuestImage, GuestImageError

_TOOLS = {"qemu-img": "qemu-utils"}
_SECONDS = 1800.0


def as_raw(image: GuestImage, cache: Path) -> GuestImage:
    """Return the image with a raw disk, which is converted once and kept in `cache`; its checksum ends in `.raw`.

    Raises GuestImageError where qemu-img is missing or fails.
    """
    if image.disk_format == "raw":
        return image
    kept = cache / f"guest-{image.checksum[:16]}.raw"
    if not kept.is_file():
        packages.install_missing(_TOOLS)
        cache.mkdir(parents=True, exist_ok=True)
        _convert(image, kept)
    return replace(image, disk=kept, disk_format="raw", checksum=f"{image.checksum}.raw")


def _convert(image: GuestImage, kept: Path) -> None:
    """Write a file beside the target, and rename it once it is whole."""
    handle, partial = tempfile.mkstemp(dir=kept.parent, prefix=".raw-")
    os.close(handle)
    command = ["qemu-img", "convert", "-f", image.disk_format, "-O", "raw", str(image.disk), partial]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            seen = f"{done.returncode}: {packages.tail(done.stderr)}"
            raise GuestImageError(f"`{' '.join(command)}` failed on the runner", expected="exit code 0", seen=seen)
        Path(partial).rename(kept)
    finally:
        Path(partial).unlink(missing_ok=True)
