"""Disk: the size of the file systems that paths are on, and what is free there."""

from dataclasses import dataclass

from deploy.host import Reads

# A path that is not there yet will be on the file system of the folder above it.
_ASK = """for path in "$@"; do
  there=$path
  while [ ! -e "$there" ]; do there=${there%/*}; [ -n "$there" ] || there=/; done
  df -PkT "$there" | sed 1d | {
    read -r device kind size used free percent mount
    echo "$path $size $free $kind $mount"
  }
done
"""


@dataclass(frozen=True)
class FileSystem:
    """Where a path is, or will be."""

    mount: str
    size_mib: int
    free_mib: int
    """What services may still write: without the part kept for root."""
    kind: str
    """Its type, such as ext4; `overlay` and the like do not say what is below."""


def read(host: Reads, *paths: str) -> dict[str, FileSystem]:
    """The file system of each path, in one round trip."""
    return parse(host.check(f"exec sh -s -- {' '.join(['%s'] * len(paths))}", *paths, stdin=_ASK))


def parse(text: str) -> dict[str, FileSystem]:
    """Lines of `path, KiB in all, KiB free, type, mount point`."""
    rows = [line.split(maxsplit=4) for line in text.splitlines()]
    return {
        row[0]: FileSystem(row[4], int(row[1]) // 1024, int(row[2]) // 1024, row[3])
        for row in rows
        if len(row) == 5 and row[1].isdecimal() and row[2].isdecimal()
    }
