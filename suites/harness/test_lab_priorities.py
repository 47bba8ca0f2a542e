"""What serves in the lab is preferred by the kernel's scheduler to what starts later, and guests to that."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.inventory import load
from deploy.lab import groups, priorities, redfish
from deploy.wait import until


def of_a_new_session() -> str:
    """What the kernel says of a new session's autogroup: nothing where it has none."""
    return subprocess.check_output(["cat", "/proc/self/autogroup"], start_new_session=True, text=True)


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists() or os.geteuid() != 0 or not of_a_new_session(),
    reason="only root may prefer, and only where new sessions are autogroups (sched(7)); not in a cpu control group",
)


@pytest.fixture
def start(tmp_path):
    """Starts a process that is called so, in a session of its own."""
    started = []

    def called(name: str) -> int:
        program = shutil.copy("/bin/sleep", tmp_path / name)
        started.append(subprocess.Popen([program, "60"], start_new_session=True))
        return started[-1].pid

    yield called
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def serving(monkeypatch):
    """Those processes, as if they were a compute's."""

    def these(*pids: int) -> priorities.Serving:
        monkeypatch.setattr(groups, "members", lambda node: pids if node == "compute01" else [])
        return priorities.Serving(load("lab"))

    return these


@pytest.fixture
def busy():
    """A process that takes all of a processor it can get, for longer than the first second."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    time.sleep(1.5)
    yield process.pid
    process.kill()
    process.wait()


def told(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/autogroup").read_text()
    except OSError:
        return None  # it has ended


def nice(pid: int) -> int:
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def test_who_is_there_before_a_drill_is_preferred_and_guests_to_that(start, serving):
    guest, service = start("qemu-system-x86_64"), start("nova-compute")
    serving(guest, service).prefer(all_of_them=True)
    assert nice(guest) < nice(service) < 0


def test_what_is_not_of_the_lab_is_not_preferred(start, serving):
    own, other = Path("/proc/self/autogroup").read_text(), start("keystone")
    serving(start("nova-api")).prefer(all_of_them=True)
    assert Path("/proc/self/autogroup").read_text() == own
    assert nice(other) == 0


def test_a_process_of_no_session_is_passed_over(start, serving):
    of_none = next((int(place.name) for place in Path("/proc").glob("[0-9]*") if told(int(place.name)) == ""), None)
    if of_none is None:
        pytest.skip("every process that is seen here has an autogroup; a machine's own kernel threads have none")
    service = start("keystone")
    serving(of_none, service).prefer(all_of_them=True)
    assert told(of_none) == ""
    assert nice(service) < 0


def test_who_starts_is_not_preferred_until_it_serves(start, serving, busy):
    service = start("memcached")
    time.sleep(1.1)
    serving(busy, service).prefer()
    assert nice(busy) == 0
    assert nice(service) < 0


def test_in_its_first_second_nobody_is_known_to_serve(start, serving):
    service = start("memcached")
    serving(service).prefer()
    assert nice(service) == 0


def test_who_is_preferred_more_stays_so(start, serving):
    service = start("keystone")
    Path(f"/proc/{service}/autogroup").write_text("-19")
    serving(service).prefer(all_of_them=True)
    assert nice(service) == -19


def test_who_is_there_when_a_drill_begins_is_preferred_however_busy(serving, busy, monkeypatch):
    monkeypatch.setattr(priorities, "EVERY", 60)
    with priorities.kept(serving(busy).cluster):
        assert nice(busy) < 0


def test_the_power_controller_is_preferred_to_who_serves(start, serving, monkeypatch):
    controller, service = start("python3"), start("keystone")
    monkeypatch.setattr(redfish, "running", lambda: [controller])
    with priorities.kept(serving(service).cluster):
        assert nice(controller) < nice(service) < 0


def test_a_process_that_has_ended_is_passed_over(start, serving):
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    service = start("keystone")
    serving(gone.pid, service).prefer(all_of_them=True)
    assert nice(service) < 0


def test_while_a_drill_lasts_who_begins_to_serve_is_preferred(start, serving, monkeypatch):
    monkeypatch.setattr(priorities, "EVERY", 0.1)
    service = start("memcached")
    site = serving(service)
    with priorities.kept(site.cluster):
        late = start("haproxy")
        serving(service, late)
        until(
            lambda: nice(late) < 0, timeout=10, interval=0.1, what="the process that came later", expected="preferred"
        )
