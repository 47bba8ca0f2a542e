"""Locks: one run at a time changes the room, and one at a time switches a host's power."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from deploy.errors import LabError
from deploy.lab import names

_POWER_WAIT = 90.0
"""Seconds a power switch may wait for another of the same host."""


@contextmanager
def room() -> Iterator[None]:
    """Hold the lock of the room; LabError at once where another run holds it."""
    owner = Path(f"{names.LOCK}.pid")
    lock = FileLock(names.LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = ""
        with suppress(OSError):
            pid = owner.read_text().strip()
        raise LabError(
            "another run is working on the lab",
            seen=f"process {pid or 'unknown'} holds {names.LOCK}",
            hint="wait until that process ends, or end it",
        ) from None
    try:
        owner.write_text(f"{os.getpid()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


@contextmanager
def power(node: str) -> Iterator[None]:
    """Hold the lock of a host's power; LabError where another process holds it longer than 90 s."""
    home = names.home(node)
    if not home.exists():
        raise LabError(f"the lab has no host {node}", hint="create it with `python -m deploy.lab up`")
    try:
        with FileLock(home / "power.lock", timeout=_POWER_WAIT):
            yield
    except Timeout:
        raise LabError(f"the power switch of {node} is busy", expected=f"free within {_POWER_WAIT:.0f} s") from None
