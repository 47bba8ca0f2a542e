"""Interruption: what Ctrl-C stops besides the thread that gets it."""

import threading

from deploy.errors import Interrupted

STOP = threading.Event()
"""Set when the run is interrupted: threads that wait, or would begin something on a host, then end at once."""


def go_on() -> None:
    """Raises Interrupted once the run was interrupted."""
    if STOP.is_set():
        raise Interrupted("interrupted", hint="run the same command again; it carries on")


def stop_for(error: BaseException) -> None:
    """Set STOP for what ends the run, and for nothing else: an undo must still reach the hosts after a mistake."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        STOP.set()
