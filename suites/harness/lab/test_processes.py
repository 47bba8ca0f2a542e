"""Only the lab's own processes are ended: what a pid runs is checked while the pid is held fast."""

import os
import signal
import subprocess
import sys

import pytest

from deploy.lab import processes
from deploy.lab.shell import until

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", SLEEP, "--mark=lab-test"]) as process:
        assert until(lambda: bool(processes.words(process.pid)), timeout=5)
        yield process.pid
        process.kill()


def test_a_process_is_found_by_program_and_arguments(sleeper):
    assert processes.running("python", "--mark=lab-test") == [sleeper]
    assert processes.running("systemd-nspawn", "--mark=lab-test") == []
    assert processes.running("python", "--mark=lab-test", "--other") == []


def test_a_process_that_merely_names_another_is_not_taken_for_it():
    with subprocess.Popen(["sh", "-c", "sleep 60; true", "systemd-nspawn", "--directory=/x"]) as keeper:
        found = processes.running("systemd-nspawn", "--directory=/x")
        for child in processes.children(keeper.pid):
            os.kill(child, signal.SIGKILL)
        keeper.kill()
    assert found == []


def test_a_process_that_is_another_by_now_is_spared(sleeper):
    assert processes.send(sleeper, signal.SIGKILL, lambda _: False) is False
    assert processes.runs(sleeper, "python", "--mark=lab-test")


def test_the_one_meant_is_ended(sleeper):
    assert processes.send(sleeper, signal.SIGKILL, lambda pid: processes.runs(pid, "python", "--mark=lab-test"))
    assert until(lambda: not processes.words(sleeper), timeout=5)


def test_a_pid_that_is_gone_is_no_error():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert processes.send(process.pid, signal.SIGKILL, lambda _: True) is False
    assert processes.parent(process.pid) == 0
    assert processes.words(process.pid) == []


def test_children_are_known_by_their_parent(sleeper):
    assert sleeper in processes.children(os.getpid())
