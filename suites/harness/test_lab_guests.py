"""Guests of the lab are preferred by the kernel's scheduler, and nothing else is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.inventory import load
from deploy.lab import groups, guests

OWN = Path("/proc/self/autogroup")


@pytest.fixture
def running(tmp_path, monkeypatch):
    """A process called like a guest, and one that is not; each in a session of its own."""
    started = []
    for name in ("qemu-system-x86_64", "nova-compute"):
        program = shutil.copy("/bin/sleep", tmp_path / name)
        started.append(subprocess.Popen([program, "60"], start_new_session=True))
    pids = [process.pid for process in started]
    monkeypatch.setattr(groups, "members", lambda node: pids if node == "compute01" else [])
    yield pids
    for process in started:
        process.kill()
        process.wait()


def test_guests_are_found_by_what_they_run(running):
    assert guests.favour(load("lab")) == 1


@pytest.mark.skipif(
    not OWN.exists() or os.geteuid() != 0, reason="only root may prefer, on a kernel with autogroups (sched(7))"
)
def test_only_guests_are_favoured(running):
    guests.favour(load("lab"))
    guest, other = (Path(f"/proc/{pid}/autogroup").read_text() for pid in running)
    assert guest.split()[-1] == guests.WEIGHT
    assert other.split()[-1] == "0"
