"""The script that runs a host's OSDs: each in a process of its own, also those that are made later."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from deploy.wait import until

SCRIPT = Path(__file__).parents[3] / "templates/ceph/ceph-osd/usr/local/libexec/stackproof/ceph-osds.j2"


@pytest.fixture
def osds(tmp_path):
    """The folders of two OSDs, of which one is ready, and the script that runs them; `started` has their numbers."""
    for number in (0, 3):
        (tmp_path / f"osd/ceph-{number}").mkdir(parents=True)
    program, started = tmp_path / "ceph-osd", tmp_path / "started"
    program.write_text(f'#!/bin/sh\necho "$5 $$" >> {started}\nexec sleep 60\n')
    program.chmod(0o755)
    text = SCRIPT.read_text().replace("/usr/bin/ceph-osd", str(program)).replace("/var/lib/ceph/osd", f"{tmp_path}/osd")
    (tmp_path / "osd/ceph-0/ready").touch()
    # A run below `nohup` ignores SIGHUP, and a shell cannot take back what it inherits as ignored.
    running = subprocess.Popen(["env", "--default-signal=HUP", "sh", "-c", text], start_new_session=True)
    running.processes = lambda: [line.split() for line in started.read_text().splitlines()] if started.exists() else []
    running.started = lambda: [number for number, _ in running.processes()]
    running.ready = tmp_path / "osd/ceph-3/ready"
    until(lambda: running.started() == ["0"], timeout=60, what="osd.0", expected="started")
    yield running
    for each in (tmp_path / "osd").glob("*/ready"):
        each.unlink()
    os.killpg(running.pid, signal.SIGTERM)
    running.wait(10)


def test_a_further_osd_starts_while_the_others_go_on(osds):
    osds.ready.touch()
    osds.send_signal(signal.SIGHUP)
    until(lambda: osds.started() == ["0", "3"], timeout=60, what="osd.3", expected="started, and osd.0 not again")
    osds.send_signal(signal.SIGHUP)
    assert osds.poll() is None


def test_an_osd_that_ends_starts_again(osds):
    ((_, process),) = osds.processes()
    os.kill(int(process), signal.SIGTERM)
    until(lambda: osds.started() == ["0", "0"], timeout=60, what="osd.0", expected="started again")


def test_the_script_ends_without_an_osd(tmp_path):
    text = SCRIPT.read_text().replace("/var/lib/ceph/osd", f"{tmp_path}/osd")
    assert subprocess.run(["sh", "-c", text], timeout=10, check=False).returncode == 0
