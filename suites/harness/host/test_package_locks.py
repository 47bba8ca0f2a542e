"""Locks of the package manager: another program that holds one is waited for, and named where it does not let go."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import platforms
from deploy.host import Host, Result
from deploy.inventory import Ssh
from suites.harness.host.test_host import node

MANAGER = platforms.load("debian-12").manager
HOLD = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read(1)
"""


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Two lock files that nobody holds; a third is not there yet."""
    for name in ("lock-frontend", "lists-lock"):
        (tmp_path / name).touch(mode=0o640)
    return [tmp_path / "lock-frontend", tmp_path / "lists-lock", tmp_path / "archives-lock"]


@pytest.fixture
def hold() -> Iterator[Callable[[Path], subprocess.Popen]]:
    """Has another process lock a file, as dpkg and apt do; it lets go at the end of its input."""
    started = []

    def lock(path: Path) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield lock
    for process in started:
        process.communicate(timeout=10)


def begin(files: list[Path], script: str, patience: int = 20) -> subprocess.Popen:
    """A shell with the functions, whose locks are these files and no others."""
    text = f"set -eu\nLOCKS='{' '.join(map(str, files))}' PATIENCE={patience}\n{MANAGER.locks}\n{script}\n"
    return subprocess.Popen(["sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: subprocess.Popen) -> str:
    return f"{Path(f'/proc/{process.pid}/comm').read_text().strip()} (pid {process.pid}) holds"


def test_who_holds_a_lock_is_told_with_program_and_process(files, hold):
    assert begin(files, "holders").communicate() == ("", "")
    other = hold(files[1])
    assert begin(files, "holders").communicate() == (f"{told(other)} {files[1]}\n", "")


def test_a_command_begins_once_the_lock_is_free(files, hold):
    other = hold(files[0])
    waiting = begin(files, "patiently echo done; echo $waited")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=1.5)
    other.communicate(timeout=10)
    out, err = waiting.communicate(timeout=10)
    assert (waiting.returncode, err) == (0, "done\n")
    assert int(out) >= 1


def test_who_does_not_let_go_is_named_at_the_end_of_patience(files, hold):
    other, began = hold(files[1]), time.monotonic()
    process = begin(files, "patiently echo done; echo after", patience=1)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert (out, err) == ("", f"given up after 1 s: {told(other)} {files[1]}\n")
    assert 1 <= time.monotonic() - began < 5


def test_patience_is_for_all_commands_together(files, hold):
    hold(files[0])
    process = begin(files, "waited=20; patiently echo done")
    assert process.communicate(timeout=10)[1].startswith("given up after 20 s")


def test_a_command_that_lost_the_race_for_a_lock_is_tried_again(files, hold, tmp_path):
    """The other program takes the lock after the look: here the command itself starts it, and fails as dpkg does."""
    ready, command = tmp_path / "ready", tmp_path / "command"
    other = f'exec 9<&-; {sys.executable} -c \'import fcntl, time; f = open("{files[0]}", "r+"); fcntl.lockf(f, 2); '
    other += f'open("{ready}", "w"); time.sleep(1.5)\''
    command.write_text(
        f"#!/bin/sh\n[ ! -e {ready} ] || {{ echo done; exit; }}\n({other}) > /dev/null 2>&1 &\n"
        f"until [ -e {ready} ]; do sleep 0.05; done\necho lost >&2; exit 2\n"
    )
    command.chmod(0o755)
    process = begin(files, f"patiently {command}")
    assert process.communicate(timeout=20)[1].split() == ["lost", "done"]
    assert process.returncode == 0


def test_a_command_that_fails_by_itself_is_not_repeated(files):
    process = begin(files, "patiently sh -c 'echo once; exit 7'; echo after")
    assert process.communicate(timeout=10) == ("", "once\n")
    assert process.returncode == 7


def test_every_command_that_takes_a_lock_waits_for_it():
    lines = [line.strip() for line in MANAGER.install.splitlines() if re.search(r"\b(dpkg|apt-get)\b", line)]
    assert len(lines) == 3
    assert all(line.startswith("patiently ") for line in lines)
    before, _, _ = MANAGER.install.partition("policy=")
    assert before.split()[-1] == "free"


class Busy(Host):
    """A host whose package manager is held, until the installation itself, which waits."""

    def __init__(self) -> None:
        super().__init__(node(), Ssh(), MANAGER)
        self.sent: list[bytes] = []

    def _execute(self, command: str, stdin: bytes, _timeout: float) -> Result:
        self.sent.append(stdin)
        held = stdin.endswith(b"holders\n")
        return Result(self.name, command, 0, "apt-get (pid 7) holds /var/lib/dpkg/lock\n" if held else "", "")


def test_who_is_waited_for_is_told_while_it_is(events):
    host = Busy()
    host.install(["vim"])
    assert [event.text for event in events] == [
        "installing 1 packages ...",
        "waiting: apt-get (pid 7) holds /var/lib/dpkg/lock",
        "installed vim",
    ]
    assert host.sent[-1].decode() == MANAGER.locks + MANAGER.install
