"""Mounts and loop devices of the lab: for each host a disk of limited size and an overlay root."""

import re
from pathlib import Path

from deploy.errors import LabError
from deploy.lab import names
from deploy.lab.shell import run, succeeds, until

# No journal and no barriers: the disk does not outlive the lab, and the runner's page cache survives a power cut.
_MKFS = ("-q", "-F", "-m", "0", "-O", "^has_journal", "-i", "65536", "-E", "nodiscard,lazy_itable_init=1")
_DISK_OPTIONS = "loop,noatime,discard,barrier=0,noinit_itable"


def below(top: Path) -> list[tuple[Path, str]]:
    """Return the mount points at or below a directory with their options, in mount order."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if point == top or top in point.parents:
            found.append((point, fields[-1]))
    return found


def in_use(image: Path) -> bool:
    """True where an overlay on this machine uses the image as its lower layer."""
    return any(str(image) in options for _, options in below(Path("/")))


def make_disk(node: str, gib: int) -> None:
    """Create a host's disk: a sparse file of at most `gib` GiB with an empty file system."""
    disk = names.home(node) / "disk.img"
    part = disk.with_suffix(".part")
    with part.open("wb") as file:
        file.truncate(gib << 30)
    run("mkfs.ext4", *_MKFS, part)
    part.rename(disk)


def mount(node: str, image: Path) -> None:
    """Mount a host's disk, and its root as an overlay of the image; what is mounted already stays."""
    home, root = names.home(node), names.root(node)
    mounted = {point for point, _ in below(home)}
    disk = home / "disk"
    for point in (disk, root):
        point.mkdir(exist_ok=True)
    if disk not in mounted:
        run("mount", "-o", _DISK_OPTIONS, home / "disk.img", disk)
    if root not in mounted:
        for layer in ("upper", "work"):
            (disk / layer).mkdir(exist_ok=True)
        run("mount", "-t", "overlay", "-o", overlay(image, disk), names.netns(node), root)


def overlay(lower: Path, disk: Path) -> str:
    """Return the mount options of an overlay with `lower` read-only below `disk`."""
    return f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work"


def unmount_below(top: Path) -> None:
    """Unmount everything at or below a directory, last mounted first; LabError where one stays busy for 5 s."""
    for point, _ in reversed(below(top)):
        if not until(lambda point=point: succeeds("umount", point), timeout=5, every=0.2):  # type: ignore[misc]
            raise LabError(
                f"{point} cannot be unmounted",
                seen=run("sh", "-c", 'umount "$1" 2>&1 || true', "sh", point).strip(),
                hint=f"end the processes that use it (fuser -vm {point}), then run `down` again",
            )
    _free_loops(top)


def remove_tree(top: Path) -> None:
    """Remove a directory of the lab, after unmounting everything below it.

    Raises LabError where the directory is itself a mount point: the lab mounts nothing there, so that file system and
    the files hidden beneath it belong to others.
    """
    if not top.exists():
        return
    if any(point == top for point, _ in below(top)):
        raise LabError(
            f"{top} is a mount point and was not removed",
            expected="a directory the lab made",
            hint=f"unmount it if it is no longer needed: umount {top}",
        )
    unmount_below(top)
    run("rm", "-rf", "--one-file-system", top, timeout=600)


def _free_loops(top: Path) -> None:
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        # The path of a deleted file ends in " (deleted)", so compare only the beginning.
        if backing.read_text().startswith(f"{top}/"):
            succeeds("losetup", "-d", f"/dev/{backing.parents[1].name}")


def disk_used(node: str) -> int:
    """Return the bytes that a host's disk occupies on the runner."""
    try:
        return (names.home(node) / "disk.img").stat().st_blocks * 512
    except FileNotFoundError:
        return 0
