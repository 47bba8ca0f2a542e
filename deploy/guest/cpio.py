"""Initramfs archives (cpio "newc"), written directly, so that owners and devices do not depend on the runner."""

import gzip
import stat
from collections.abc import Iterable
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """One entry of the archive, owned by root. `mode` holds type and permissions; `path` is relative."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str, permissions: int = 0o755) -> Entry:
    """Return a directory."""
    return Entry(path, stat.S_IFDIR | permissions)


def link(path: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def file(path: str, data: bytes, permissions: int = 0o644) -> Entry:
    """Return a regular file."""
    return Entry(path, stat.S_IFREG | permissions, data)


def character_device(path: str, major: int, minor: int) -> Entry:
    """Return a character device that only root may open."""
    return Entry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries in an order the kernel can unpack: every directory exists, and precedes its content.

    Of two entries with the same path the later one counts.
    """
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        parent = path
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            found.setdefault(parent, directory(parent))
    return [found[path] for path in sorted(found)]


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the uncompressed archive; equal entries give equal bytes."""
    parts = [_record(number, entry) for number, entry in enumerate(entries, start=1)]
    return b"".join([*parts, _record(0, Entry(_TRAILER, 0))])


def compressed(entries: Iterable[Entry]) -> bytes:
    """Return the archive compressed by gzip without a time stamp; every kernel with an initramfs reads gzip."""
    return gzip.compress(archive(entries), mtime=0)


def _record(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    header = b"070701" + "".join(f"{field:08x}" for field in fields).encode()
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
