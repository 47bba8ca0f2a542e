"""Processes of the lab: found by program and arguments, and signalled only while the PID is still theirs."""

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


def test_a_process_that_mentions_another_s_program_does_not_match():
    with subprocess.Popen(["sh", "-c", "sleep 60; true", "systemd-nspawn", "--directory=/x"]) as keeper:
        found = processes.running("systemd-nspawn", "--directory=/x")
        for child in processes.children(keeper.pid):
            os.kill(child, signal.SIGKILL)
        keeper.kill()
    assert found == []


def test_a_reused_pid_gets_no_signal(sleeper):
    assert processes.send(sleeper, signal.SIGKILL, lambda _: False) is False
    assert processes.runs(sleeper, "python", "--mark=lab-test")


def test_the_intended_process_gets_the_signal(sleeper):
    assert processes.send(sleeper, signal.SIGKILL, lambda pid: processes.runs(pid, "python", "--mark=lab-test"))
    assert until(lambda: not processes.words(sleeper), timeout=5)


def test_a_process_that_has_ended_is_no_error():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert processes.send(process.pid, signal.SIGKILL, lambda _: True) is False
    assert processes.parent(process.pid) == 0
    assert processes.words(process.pid) == []


def test_children_are_found_by_their_parent(sleeper):
    assert sleeper in processes.children(os.getpid())
