"""An ext4 file system with given entries, written without root's rights and equal byte for byte for equal entries."""

import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.guest.cpio import Entry
from deploy.guest.image import GuestImageError
from deploy.guest.packages import tail

TOOLS = {"mke2fs": "e2fsprogs", "debugfs": "e2fsprogs"}

_CLOCK = "1700000000"
"""Seconds since 1970 of every time stamp."""
_SECONDS = 120


def make(target: Path, size: int, label: str, identity: str, entries: Sequence[Entry]) -> None:
    """Write a raw disk of that many bytes whose file system has the label, the UUID and the entries, parents first.

    All entries are owned by root. Raises GuestImageError where a tool fails or refuses an entry.
    """
    with target.open("wb") as stream:
        stream.truncate(size)
    options = f"hash_seed={identity},lazy_itable_init=0,root_owner=0:0"
    run(["mke2fs", "-q", "-t", "ext4", "-L", label, "-U", identity, "-E", options, "-m", "0", str(target)])
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        orders = Path(folder) / "orders"
        orders.write_text("\n".join(_orders(entries, Path(folder))) + "\n")
        refused = run(["debugfs", "-w", "-f", str(orders), str(target)])
    # debugfs goes on after an error, and its exit code does not tell.
    if lines := [line for line in refused.splitlines() if line and not line.startswith("debugfs 1.")]:
        raise GuestImageError(
            f"debugfs refused entries of {target.name}", expected="no message", seen=tail("\n".join(lines))
        )


def _orders(entries: Sequence[Entry], folder: Path) -> Iterator[str]:
    """Yield the commands of debugfs that make the entries; `folder` gets the content of files."""
    for number, entry in enumerate(entries):
        parent, _, name = entry.path.rpartition("/")
        yield f"cd /{parent}"
        if stat.S_ISLNK(entry.mode):
            yield f"symlink {name} {entry.data.decode()}"
        elif stat.S_ISDIR(entry.mode):
            yield f"mkdir {name}"
        else:
            content = folder / str(number)
            content.write_bytes(entry.data)
            yield f"write {content} {name}"
        if not stat.S_ISLNK(entry.mode):
            yield f"set_inode_field {name} mode 0{entry.mode:o}"


def run(command: list[str]) -> str:
    """Run a tool with a fixed clock; return what it wrote to stderr, GuestImageError where it fails."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "E2FSPROGS_FAKE_TIME": _CLOCK}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        seen = f"{done.returncode}: {tail(done.stderr)}"
        raise GuestImageError(f"`{' '.join(command)}` failed on the runner", expected="exit code 0", seen=seen)
    return done.stderr
