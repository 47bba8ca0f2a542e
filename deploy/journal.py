"""Events of a run: layers emit, reporting listens; nothing here knows who does."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["phase", "step", "change", "fault", "note", "round-trip"]


@dataclass(frozen=True)
class Event:
    """One thing that happened. `at` is seconds on the runner's monotonic clock."""

    kind: Kind
    text: str
    host: str = ""
    step: str = ""
    seconds: float | None = None
    at: float = field(default_factory=time.monotonic)


Listener = Callable[[Event], None]


class Journal:
    """Delivers each event to every listener, with secrets masked; safe to use from many threads."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self.redact: Callable[[str], str] = lambda text: text

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function takes it away again."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(
        self,
        kind: Kind,
        text: str,
        *,
        host: str = "",
        step: str = "",
        seconds: float | None = None,
    ) -> None:
        """Tell every listener of one event."""
        event = Event(kind, self.redact(text), host=host, step=step, seconds=seconds)
        with self._lock:
            for listener in self._listeners:
                listener(event)


JOURNAL = Journal()
