"""The guest's root file system: its entries are those given, and equal entries give equal bytes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.guest import GuestImageError, cpio, ext4

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
IDENTITY = "6b1f5c0e-3a38-4a56-9f5e-6d2f0a2c7d11"
ENTRIES = cpio.with_parents(
    [
        cpio.file("etc/init.d/start", b"#!/bin/sh\n", 0o755),
        cpio.file("bin/busybox", b"\x7fELF" * 2000, 0o4755),
        cpio.link("bin/sh", "/bin/busybox"),
        cpio.directory("tmp", 0o1777),
    ]
)
pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool, path=PATH) for tool in ext4.TOOLS),
    reason="debugfs is missing: apt-get install e2fsprogs",
)


def made(target: Path, entries: list[cpio.Entry] = ENTRIES) -> Path:
    ext4.make(target, 8 << 20, "label", IDENTITY, entries)
    return target


def shown(disk: Path, request: str) -> str:
    command = ["debugfs", "-R", request, str(disk)]
    return subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True, check=True).stdout


def test_entries_have_their_content_and_modes(tmp_path: Path):
    disk = made(tmp_path / "disk")
    assert shown(disk, "cat /etc/init.d/start") == "#!/bin/sh\n"
    assert 'Fast link dest: "/bin/busybox"' in shown(disk, "stat /bin/sh")
    modes = {
        line.split()[-1]: line.split()[1]
        for folder in ("/", "/bin")
        for line in shown(disk, f"ls -l {folder}").splitlines()
        if line.strip()
    }
    assert {name: modes[name] for name in ("busybox", "sh", "tmp", "etc")} == {
        "busybox": "104755",
        "sh": "120777",
        "tmp": "41777",
        "etc": "40755",
    }


def test_the_file_system_is_sound(tmp_path: Path):
    checked = ["e2fsck", "-f", "-n", str(made(tmp_path / "disk"))]
    assert subprocess.run(checked, env={"PATH": PATH}, capture_output=True, check=False).returncode == 0


def test_equal_entries_give_equal_bytes(tmp_path: Path):
    assert made(tmp_path / "one").read_bytes() == made(tmp_path / "other").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_an_entry_that_does_not_fit_is_an_error(tmp_path: Path):
    with pytest.raises(GuestImageError, match="debugfs refused"):
        made(tmp_path / "disk", [cpio.file("large", bytes(range(256)) * (9 << 12))])
