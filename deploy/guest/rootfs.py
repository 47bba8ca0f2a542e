"""The guest's files, assembled from unpacked packages: its root file system, and the ramdisk that starts it.

The files of `rootfs/` and `ramdisk/` are added to them.
"""

import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.guest import cpio, modules
from deploy.guest.image import GuestImageError
from deploy.guest.packages import tail

OVERLAY = Path(__file__).parent / "rootfs"
RAMDISK = Path(__file__).parent / "ramdisk"

_MOUNTED = ("dev", "proc", "sys", "root")
_EMPTY = (*_MOUNTED, "run", "tmp", "home", "mnt", "var/lib/stackproof", "etc/dropbear")
_IN_MEMORY = {
    "etc/mtab": "/proc/mounts",
    "etc/hosts": "/run/hosts",
    "etc/resolv.conf": "/run/resolv.conf",
    "var/run": "/run",
}
PROGRAMS = {
    "bin/sh": "busybox/bin/busybox",
    "usr/sbin/dropbear": "dropbear-bin/usr/sbin/dropbear",
    "usr/bin/dropbearkey": "dropbear-bin/usr/bin/dropbearkey",
    "usr/bin/ssh": "dropbear-bin/usr/bin/dbclient",
    "usr/bin/curl": "curl/usr/bin/curl",
    "bin/nc.traditional": "netcat-traditional/bin/nc.traditional",
    "bin/lsblk": "util-linux/bin/lsblk",
    "sbin/blkid": "util-linux/sbin/blkid",
    "sbin/mkfs": "util-linux/sbin/mkfs",
    "sbin/mke2fs": "e2fsprogs/sbin/mke2fs",
    "sbin/mkfs.vfat": "dosfstools/sbin/mkfs.fat",
}
"""Path in the guest, and package and path of the program, which newer packages have below /usr.

The shell is not the busybox of the other applets, whose shell would run its applets in place of `nc` and others here.
"""
NAMES = {f"sbin/mkfs.{kind}": "mke2fs" for kind in ("ext2", "ext3", "ext4")}
_LOADER = "ld-linux-x86-64.so.2"


def entries(packages: Path) -> list[cpio.Entry]:
    """Return all entries of the root file system, given a directory of unpacked packages."""
    return cpio.with_parents([*base(), *_busybox(packages), *_programs(packages), *overlay()])


def ramdisk(packages: Path) -> list[cpio.Entry]:
    """Return all entries of the ramdisk, given a directory of unpacked packages: it mounts the root file system."""
    mounted = map(cpio.directory, _MOUNTED)
    # The kernel opens /dev/console for the first process before devtmpfs can be mounted.
    console = cpio.character_device("dev/console", 5, 1)
    return cpio.with_parents([*mounted, console, *_busybox(packages), *_modules(packages), *overlay(RAMDISK)])


def kernel(packages: Path) -> Path:
    """Return the kernel image among the unpacked packages."""
    return _only(packages, "*/boot/vmlinuz-*")


def overlay(root: Path = OVERLAY) -> Iterator[cpio.Entry]:
    """Yield the files of `rootfs/` or `ramdisk/`. Permissions derive from content, not from the checkout."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(root).as_posix()
            yield cpio.file(name, data, _permissions(name, data))


def _permissions(name: str, data: bytes) -> int:
    if data.startswith(b"#!"):
        return 0o755
    return 0o600 if name == "etc/shadow" else 0o644


def base() -> Iterator[cpio.Entry]:
    """Yield the folders that no package brings, and links to what an instance learns at its start."""
    yield from map(cpio.directory, _EMPTY)
    yield cpio.Entry("tmp", stat.S_IFDIR | 0o1777)
    yield from (cpio.link(path, target) for path, target in _IN_MEMORY.items())


def _busybox(packages: Path) -> Iterator[cpio.Entry]:
    binary = _only(packages / "busybox-static", "bin/busybox", "usr/bin/busybox")
    data = binary.read_bytes()
    yield from (cpio.link(path, "/bin/busybox") for path in applets(_output([str(binary), "--list-full"])))
    # Set-user-id as on cirros: busybox keeps root rights for `ping` and `su`, and drops them for other applets.
    yield cpio.file("bin/busybox", data, 0o4755)


def applets(listing: str) -> list[str]:
    """Return the paths of `busybox --list-full` without busybox itself and its name on old initial ramdisks."""
    own = {"bin/busybox", "linuxrc"}
    return [path for path in listing.split() if path not in own]


def _programs(packages: Path) -> Iterator[cpio.Entry]:
    programs = {target: program(packages, path) for target, path in PROGRAMS.items()}
    for target, source in programs.items():
        yield cpio.file(target, source.read_bytes(), 0o755)
    yield from (cpio.link(path, target) for path, target in NAMES.items())
    loader = _only(packages, f"**/{_LOADER}")
    yield cpio.file(f"lib64/{_LOADER}", loader.read_bytes(), 0o755)
    directories = sorted({str(path.parent) for path in packages.rglob("*.so.*")})
    for library in _libraries(loader, directories, programs.values()):
        yield cpio.file(f"lib/{library.name}", library.read_bytes(), 0o755)


def program(packages: Path, path: str) -> Path:
    """Return a program's file, given the unpacked packages and an entry of PROGRAMS."""
    package, _, inside = path.partition("/")
    return _only(packages / package, inside, f"usr/{inside}")


def _libraries(loader: Path, directories: Iterable[str], programs: Iterable[Path]) -> list[Path]:
    """Return the libraries of the programs, listed by the guest's own loader, which does not run the programs."""
    search = ":".join(directories)
    found: set[Path] = set()
    for program in programs:
        listed = _output([str(loader), "--library-path", search, "--list", str(program)])
        found |= linked(listed)
    return sorted(path for path in found if path.name != loader.name)


def linked(listing: str) -> set[Path]:
    """Return the files in a loader's lines `name => path (address)`; GuestImageError for a library not found."""
    found = set()
    for line in listing.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if not arrow:
            continue
        if rest.startswith("not found"):
            raise GuestImageError(f"library {name} is in none of the guest's packages", expected="a package with it")
        found.add(Path(rest.split(" (")[0]))
    return found


def _modules(packages: Path) -> Iterator[cpio.Entry]:
    tree = _only(packages, "*/lib/modules/*", "*/usr/lib/modules/*")
    listing = tree / "modules.builtin"
    present = modules.builtin(listing.read_text()) if listing.is_file() else frozenset[str]()
    chosen = modules.select(tree, present)
    for name, data in chosen.items():
        yield cpio.file(f"lib/modules/{name}.ko", data)
    yield cpio.file("lib/modules/order", "".join(f"{name}.ko\n" for name in chosen).encode())


def _only(packages: Path, *patterns: str) -> Path:
    found = [path for pattern in patterns for path in packages.glob(pattern) if not path.is_symlink()]
    if len(found) != 1:
        raise GuestImageError(
            "the guest's packages are not as expected",
            expected=f"one {' or '.join(patterns)}",
            seen=", ".join(str(path.relative_to(packages)) for path in found) or "none",
        )
    return found[0]


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise GuestImageError(f"`{' '.join(command)}` failed", seen=f"{done.returncode}: {tail(done.stderr)}")
    return done.stdout
