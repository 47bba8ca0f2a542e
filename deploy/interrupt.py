"""Interruption: Ctrl-C reaches one thread; this module stops the others."""

import threading

from deploy.errors import Interrupted

STOP = threading.Event()
"""Set when the run is interrupted. Threads that wait, or are about to run a command on a host, then end at once."""


def go_on() -> None:
    """Raise Interrupted where the run was interrupted."""
    if STOP.is_set():
        raise Interrupted("interrupted", hint="run the same command again to continue")


def stop_for(error: BaseException) -> None:
    """Set STOP for KeyboardInterrupt and SystemExit only: after any other error an undo must still reach the hosts."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        STOP.set()
