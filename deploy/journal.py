"""The journal: layers emit events, listeners such as reporting receive them, with secrets masked."""

import atexit
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from deploy.masking import masked

Kind = Literal["phase", "step", "change", "fault", "note"]
_STEP: ContextVar[str] = ContextVar("step", default="")


@dataclass(frozen=True)
class Event:
    """One event. `at` is seconds on the runner's monotonic clock."""

    kind: Kind
    text: str
    host: str = ""
    step: str = ""
    seconds: float | None = None
    at: float = field(default_factory=time.monotonic)


Listener = Callable[[Event], None]


@contextmanager
def within(step: str) -> Iterator[None]:
    """Attribute events inside the block to that step, on this thread and on threads that get its context."""
    token = _STEP.set(step)
    try:
        yield
    finally:
        _STEP.reset(token)


class Journal:
    """Delivers each event to every listener, with secrets masked; thread-safe.

    A listener that raises does not end the work that emits, such as an undo; report() prints its failures.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._failed: dict[str, tuple[int, str]] = {}
        """By listener: the number of its failures, and the first one."""
        self._lock = threading.RLock()  # a listener may emit an event itself
        self.redact: Callable[[str], str] = masked

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; return the function that removes it."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._unsubscribe(listener)

    def _unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def emit(
        self,
        kind: Kind,
        text: str,
        *,
        host: str = "",
        seconds: float | None = None,
    ) -> None:
        """Deliver one event to every listener; never raises what a listener raises."""
        event = Event(kind, self.redact(text), host=host, step=_STEP.get(), seconds=seconds)
        with self._lock:
            for listener in tuple(self._listeners):
                try:
                    listener(event)
                except Exception as error:
                    self._count(listener, error)

    def report(self) -> None:
        """Print a line to standard error for each listener that has raised since the last report."""
        with self._lock:
            failed, self._failed = self._failed, {}
        with suppress(OSError):  # standard error may be a file on the same full disk
            for listener, (number, first) in failed.items():
                line = f"{listener} failed to record or show events: {number}; the first error was {first}"
                print(line, file=sys.stderr)  # noqa: T201 - an event would go to the listener that failed

    def _count(self, listener: Listener, error: Exception) -> None:
        name = getattr(listener, "__qualname__", type(listener).__name__)
        number, first = self._failed.get(name, (0, self.redact(f"{type(error).__name__}: {error}")))
        self._failed[name] = (number + 1, first)


JOURNAL = Journal()
atexit.register(JOURNAL.report)
