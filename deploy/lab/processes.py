"""Processes of the lab: found by their command line, and signalled through a pidfd, which a reused PID cannot fool."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

Test = Callable[[int], bool]


def words(pid: int) -> list[str]:
    """Return the command line of a process; empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def everyone() -> Iterator[int]:
    """Return the PIDs of all processes."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def running(program: str, *arguments: str) -> list[int]:
    """Return the PIDs of the processes for which `runs` is true."""
    return [pid for pid in everyone() if runs(pid, program, *arguments)]


def runs(pid: int, program: str, *arguments: str) -> bool:
    """True where the base name of the process's program begins with `program`, and it has all those arguments."""
    line = words(pid)
    return bool(line) and Path(line[0]).name.startswith(program) and set(arguments) <= set(line[1:])


def parent(pid: int) -> int:
    """Return the parent's PID; 0 where the process has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The program's name, in parentheses, may contain parentheses and blanks.
    return int(stat.rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """Return the PIDs of the children of a process."""
    return [other for other in everyone() if parent(other) == pid]


def send(pid: int, number: int, still: Test) -> bool:
    """Open a pidfd, check `still(pid)`, then send the signal; False where the process is another or has ended."""
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
