"""The guest image as a raw disk: converted once, and whole or not there."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.guest import GuestImage, GuestImageError, as_raw, raw


def test_an_image_becomes_raw_once(tmp_path, monkeypatch):
    given = GuestImage("cirros", tmp_path / "disk", None, None, "qcow2", "ab" * 32)
    commands = []

    def run(command, **_):
        commands.append(command)
        Path(command[-1]).write_text("raw")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(raw.packages, "install_missing", lambda _: [])
    monkeypatch.setattr(raw.subprocess, "run", run)
    first, second = (as_raw(given, tmp_path / "cache") for _ in range(2))
    assert first == second
    assert (first.disk.read_text(), first.disk_format, first.checksum) == ("raw", "raw", f"{given.checksum}.raw")
    assert len(commands) == 1
    assert as_raw(first, tmp_path) == first
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.disk.name]


def test_a_failed_conversion_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(raw.packages, "install_missing", lambda _: [])
    monkeypatch.setattr(raw.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stderr="no space"))
    with pytest.raises(GuestImageError, match="no space"):
        as_raw(GuestImage("cirros", tmp_path / "disk", None, None, "qcow2", "ab" * 32), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
