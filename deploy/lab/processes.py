"""Processes of the lab: found by what they run, and killed through a handle that no reused pid can redirect."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

Test = Callable[[int], bool]


def words(pid: int) -> list[str]:
    """The command line of a process; empty where it is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def everyone() -> Iterator[int]:
    """The pids of all processes."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def running(program: str, *arguments: str) -> list[int]:
    """Pids whose program's base name begins so and whose command line holds all those arguments."""
    return [pid for pid in everyone() if runs(pid, program, *arguments)]


def runs(pid: int, program: str, *arguments: str) -> bool:
    """Whether this process runs a program whose base name begins so, with at least those arguments."""
    line = words(pid)
    return bool(line) and Path(line[0]).name.startswith(program) and set(arguments) <= set(line[1:])


def parent(pid: int) -> int:
    """The parent's pid; 0 where the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in parentheses may itself hold parentheses and blanks.
    return int(stat.rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """Pids of the processes this one started."""
    return [other for other in everyone() if parent(other) == pid]


def send(pid: int, number: int, still: Test) -> bool:
    """Signal a process if, once held fast, it still is the one meant; False where it is not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not still(pid):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
