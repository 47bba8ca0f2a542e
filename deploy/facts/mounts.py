"""Mounts: the mounted file systems that services write to, their free space and inodes, and unwritable folders."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from deploy.host import Reads

_KINDS = (
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs fusectl hugetlbfs iso9660"
    " mqueue nsfs proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs udf"
)
WITHOUT_FILES = frozenset(_KINDS.split())
"""Types that hold no files of services: views of the kernel, and images that are never written."""
WRITTEN = ("/var", "/run", "/tmp", "/dev/shm")  # noqa: S108 - mount points, in which nothing is made
"""Services write to every file system that is mounted here or below."""
NOT_WRITTEN = ("/run/credentials", "/run/host", "/run/user")
"""Services write to none that is mounted here or below: they are systemd's own, a container's, or a session's."""
READ_ONLY = frozenset({"ro", "emergency_ro", "shutdown"})
"""Options of a file system that refuses writes; the last two are ext4's after an error."""


@dataclass(frozen=True)
class Space:
    """Size and free space of one file system. 0 of `inodes`, or of `size_mib`: it has no such limit."""

    size_mib: int
    free_mib: int
    """Space that services may still write; excludes the part reserved for root."""
    inodes: int
    free_inodes: int


@dataclass(frozen=True)
class Mount:
    """One mounted file system. `space` is None where it did not answer within 3 s."""

    target: str
    kind: str
    """The type, such as ext4."""
    read_only: bool = False
    space: Space | None = None


@dataclass(frozen=True)
class Mounts:
    """The file systems of one host that services write to. No mount: the list could not be read."""

    written: tuple[Mount, ...] = ()
    unwritable: tuple[str, ...] | None = None
    """Folders of services that root cannot write; None: the folders did not answer within 3 s."""


def read(host: Reads, accounts: Iterable[str], folders: Iterable[str]) -> Mounts:
    """Read the mounts of one host, in one round trip, and try the folders and the accounts' homes that exist."""
    names = " ".join(sorted(set(accounts)))
    paths = sorted(set(folders))
    command = f"exec sh -s -- %s %s {' '.join(['%s'] * len(paths))}"
    return parse(host.run(command, _KINDS, names, *paths, stdin=_ASK, timeout=30).out)


@lru_cache(maxsize=32)  # several checks read the same answer
def parse(text: str) -> Mounts:
    """Parse the lines that `_ASK` prints; a line that is something else is left out."""
    lines = [line.split(" ", 1) for line in text.splitlines() if " " in line]
    spaces = dict(entry for word, rest in lines if word == "size" and (entry := _space(rest)))
    folders = {rest[2:]: rest[0] == "y" for word, rest in lines if word == "folder"}
    meant = {target for word, rest in lines if word == "fstab" and (target := _read_only_target(rest))}
    mounts = {mount.target: mount for mount in _visible([rest for word, rest in lines if word == "mount"], spaces)}
    holding = {_nearest(mounts, folder) for folder in folders}
    return Mounts(
        tuple(mount for mount in mounts.values() if mount.target in holding or _is_written(mount, meant)),
        tuple(folder for folder, may in folders.items() if not may) if ["folders", "known"] in lines else None,
    )


def _visible(lines: Iterable[str], spaces: Mapping[str, Space]) -> Iterator[Mount]:
    """Yield the mounts of /proc/self/mountinfo that no later mount hides, at their place or above it."""
    mounts = {words[0]: words for line in lines if len(words := line.split(" ", 5)) == 6}
    roots = [number for number, parent, *_ in mounts.values() if parent == number or parent not in mounts]
    upon = {(parent, place): number for number, parent, _, _, place, _ in mounts.values() if parent != number}
    for number, words in mounts.items():
        if roots and _at(words[4], roots[0], upon) == number and (mount := _mount(" ".join(words), spaces)):
            yield mount


def _at(path: str, root: str, upon: Mapping[tuple[str, str], str]) -> str:
    """Return the mount that the kernel finds at a path: from the root, through each mount upon the one before."""
    ends = [at for at, letter in enumerate(f"{path}/") if letter == "/" and at]
    for place in ("/", *(path[:end] for end in ends)):
        while (root, place) in upon:
            root = upon[root, place]
    return root


def _mount(text: str, spaces: Mapping[str, Space]) -> Mount | None:
    """Return the mount of one line of /proc/self/mountinfo (proc(5)); None for a type without files of services."""
    before, _, after = text.partition(" - ")
    own, of_system = before.split(" "), after.split(" ")
    if len(own) < 6 or len(of_system) < 3 or of_system[0] in WITHOUT_FILES:
        return None
    options = {*own[5].split(","), *of_system[2].split(",")}
    target = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), own[4])
    return Mount(target, of_system[0], bool(options & READ_ONLY), spaces.get(target))


def _read_only_target(line: str) -> str:
    """Return the mount point of a line of /etc/fstab (fstab(5)) with the option `ro`; empty for any other line."""
    words = line.split()
    return words[1] if len(words) > 3 and "ro" in words[3].split(",") else ""


def _space(text: str) -> tuple[str, Space] | None:
    numbers, target = text.split(" ", 5)[:5], text.split(" ", 5)[5:]
    if len(target) != 1 or not all(map(str.isdecimal, numbers)):
        return None
    blocks, block, free, inodes, free_inodes = map(int, numbers)
    return target[0], Space(blocks * block // 2**20, free * block // 2**20, inodes, free_inodes)


def _nearest(mounts: Iterable[str], folder: str) -> str:
    """Return the mount point that a folder lies at or below; empty where there is none."""
    return max((target for target in mounts if _is_below(folder, (target,))), key=len, default="")


def _is_below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)


def _is_written(mount: Mount, meant_read_only: set[str]) -> bool:
    if mount.target == "/":
        return True
    return (
        mount.kind != "overlay"  # a container's, below the folder of its runtime
        and mount.target not in meant_read_only
        and _is_below(mount.target, WRITTEN)
        and not _is_below(mount.target, NOT_WRITTEN)
    )


# A file system whose server or device is gone may answer never; hence the time limits. `find -writable` asks the kernel
# (access(2)), which refuses root too on a read-only file system and in an immutable folder.
_ASK = r"""
kinds=$1 accounts=$2; shift 2
sed 's/^/mount /' /proc/self/mountinfo
sed -n 's/^[^#[:space:]]/fstab &/p' /etc/fstab 2>/dev/null
targets=$(awk -v kinds=" $kinds " '{
  for (at = 7; $at != "-" && at < NF; at++);
  if (!index(kinds, " " $(at + 1) " ") && !seen[$5]++) { gsub(/\\040/, " ", $5); print $5 }
}' /proc/self/mountinfo)
homes=$(getent passwd $accounts | cut -d : -f 6 | grep -vx /)
set -f; IFS='
'
measure() { timeout -k 1 3 stat -f -c 'size %b %S %a %c %d %n' -- "$@" 2>/dev/null; }
if all=$(measure $targets); then echo "$all"; else for target in $targets; do measure "$target"; done; fi
folders=$(timeout -k 1 3 readlink -e -- "$@" $homes)
[ $? -gt 1 ] || [ -z "$folders" ] || {
  timeout -k 1 3 find $folders -maxdepth 0 \( -writable -printf 'folder y %p\n' -o -printf 'folder n %p\n' \) &&
    echo folders known
}
:
"""
