"""Disk: size and free space of the file systems that hold given paths."""

from dataclasses import dataclass

from deploy.host import Reads

# A path that does not exist yet will be on the file system of its nearest existing parent.
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
    """The file system that holds a path, or will hold it."""

    mount: str
    size_mib: int
    free_mib: int
    """Space that services may still write; excludes the part reserved for root."""
    kind: str
    """The type, such as ext4; `overlay` and the like do not reveal the file system below."""


def read(host: Reads, *paths: str) -> dict[str, FileSystem]:
    """Return the file system of each path, in one round trip."""
    return parse(host.check(f"exec sh -s -- {' '.join(['%s'] * len(paths))}", *paths, stdin=_ASK))


def parse(text: str) -> dict[str, FileSystem]:
    """Parse lines of path, KiB in total, KiB free, type, mount point."""
    rows = [line.split(maxsplit=4) for line in text.splitlines()]
    return {
        row[0]: FileSystem(row[4], int(row[1]) // 1024, int(row[2]) // 1024, row[3])
        for row in rows
        if len(row) == 5 and row[1].isdecimal() and row[2].isdecimal()
    }
