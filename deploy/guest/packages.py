"""The guest's packages: downloaded from the runner's package sources and unpacked, never installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from deploy.guest.image import GuestImageError
from deploy.journal import JOURNAL

KERNELS = "linux-image-cloud-amd64"
"""A meta package that depends on the current kernel package."""
TOOLS = (
    "busybox",
    "busybox-static",
    "curl",
    "dosfstools",
    "dropbear-bin",
    "e2fsprogs",
    "netcat-traditional",
    "util-linux",
)

_DEADLINE = 600.0
_KERNEL = re.compile(r"^\s*Depends: (linux-image-\d\S*)$", re.MULTILINE)
_LOCK_SECONDS = 120


def fetch(into: Path) -> dict[str, str]:
    """Unpack kernel, tools and their libraries, each into a folder of its name; return the versions by that name."""
    archives = into.with_name(into.name + ".archives")
    archives.mkdir(parents=True)
    try:
        _download(archives)
    except GuestImageError:
        # The package lists may be missing or out of date. Only a failure after a refresh counts.
        refresh()
        _download(archives)
    into.mkdir()
    versions = {}
    for archive in sorted(archives.glob("*.deb")):
        name, version, _ = archive.name.split("_")
        _run(["dpkg-deb", "-x", str(archive), str(into / name)])
        versions[name] = unquote(version)
    shutil.rmtree(archives)
    return versions


def _download(into: Path) -> None:
    kernel = kernel_package(_dependencies(KERNELS))
    names = [kernel, *closure(_dependencies(*TOOLS, recurse=True))]
    for earlier in into.iterdir():
        earlier.unlink()
    # apt's own user has no access to this private directory, so apt must not drop root.
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *names], cwd=into)


def kernel_package(listing: str) -> str:
    """Return the name of the kernel package in `apt-cache depends` of the meta package."""
    found = _KERNEL.search(listing)
    if not found:
        raise GuestImageError(
            "there is no kernel for the guest image in the runner's package sources",
            expected=f"{KERNELS} depending on one linux-image-<version>",
            seen=listing.strip() or "no such package",
            hint="add Debian's main archive to the runner's sources, or name an image in the inventory (image.file)",
        )
    return found.group(1)


def closure(listing: str) -> list[str]:
    """Return TOOLS and the libraries in `apt-cache depends --recurse`, sorted, without foreign architectures."""
    names = {line.strip() for line in listing.splitlines() if line and not line[0].isspace()}
    return sorted(name for name in names if name in TOOLS or (name.startswith(("lib", "zlib")) and ":" not in name))


def refresh() -> None:
    """Run `apt-get update`. A source that fails is no error, because the others may have the packages."""
    JOURNAL.emit("note", "the runner's package lists are missing or out of date; running apt-get update")
    _run(["apt-get", "-q", "update"], check=False)


def install_missing(tools: Mapping[str, str]) -> list[str]:
    """Install the packages of missing tools, and return their names; `tools` maps a command to its package."""
    wanted = sorted({package for command, package in tools.items() if not shutil.which(command, path=_path())})
    if not wanted:
        return []
    JOURNAL.emit("note", f"installing on the runner: {', '.join(wanted)}")
    if os.geteuid() != 0:
        raise GuestImageError(
            f"the runner lacks {', '.join(wanted)}",
            expected="the packages, or root to install them",
            seen=f"user id {os.geteuid()}",
            hint=f"apt-get install {' '.join(wanted)}",
        )
    install = ["apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}", "install"]
    command = [*install, "--no-install-recommends", *wanted]
    try:
        _run(command)
    except GuestImageError:
        refresh()
        _run(command)
    return wanted


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _dependencies(*names: str, recurse: bool = False) -> str:
    quiet = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    options = [*quiet, "--recurse"] if recurse else quiet
    listed = _run(["apt-cache", "depends", *options, *names], check=False)
    return listed.stdout


def _run(command: Sequence[str], cwd: Path | None = None, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "PATH": _path()}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=_DEADLINE, check=False
        )
    except FileNotFoundError:
        raise GuestImageError(
            f"the runner has no {command[0]}",
            expected="a Debian runner, to build the guest image from its packages",
            hint="name an image in the inventory (image.file or image.url)",
        ) from None
    except subprocess.TimeoutExpired:
        raise GuestImageError(f"`{' '.join(command)}` took longer than {_DEADLINE:.0f} s") from None
    if check and done.returncode:
        raise GuestImageError(
            f"`{' '.join(command)}` failed on the runner",
            expected="exit code 0",
            seen=f"{done.returncode}: {tail(done.stderr or done.stdout)}",
            hint="check the runner's package sources, or name an image in the inventory",
        )
    return done


def tail(text: str, lines: int = 5) -> str:
    """Return the last lines of a text, joined to one line for an error."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:])
