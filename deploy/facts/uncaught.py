"""Uncaught: exceptions that ended a thread or a request of a service because nothing handled them.

Services log what they handle, with a date and a level, in files below /var/log. What nothing handles is printed by the
interpreter or by Eventlet as a bare traceback on stderr, which is the journal. The process goes on without the thread.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from deploy.facts import window
from deploy.facts.ended import END, whole
from deploy.host import Reads

HEAD = "Traceback (most recent call last):"
CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
"""Stand between an exception and the one that took its place; only the last one was not handled."""
HARMLESS = "OSError: write error"
"""What uWSGI raises where a client hung up."""


@dataclass(frozen=True)
class Uncaught:
    """One exception of one service, and how often nothing handled it."""

    unit: str
    """The unit's name, or the log file's name without `.log`."""
    text: str
    count: int
    first: str
    """The time of the first one, in UTC."""

    def __str__(self) -> str:
        return f"{self.unit}: {self.count} x {self.text} (first at {self.first})"


@dataclass(frozen=True)
class _Line:
    unit: str
    process: str
    at: str
    text: str


def read(host: Reads, since: str = "") -> tuple[Uncaught, ...]:
    """Return the uncaught exceptions since `since`, a time for `date -d`, most frequent first.

    CommandFailed where the journal cannot be searched.
    """
    text = host.check(f"sh -s -- %s && echo {END}", since, stdin=_SCRIPT, timeout=60)
    return parse(whole(host, "uncaught exceptions", text))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> tuple[Uncaught, ...]:
    """Parse lines of `file`, source and log line, separated by tabs, and journal entries as JSON; skip other lines."""
    lines = text.splitlines()
    found = [*_of_journal(_entry(line) for line in lines if line.startswith("{")), *_of_files(lines)]
    counts = Counter((line.unit, line.text) for line in found)
    first: dict[tuple[str, str], str] = {}
    for line in found:
        first.setdefault((line.unit, line.text), line.at)
    return tuple(Uncaught(unit, what, count, first[unit, what]) for (unit, what), count in counts.most_common())


def _entry(line: str) -> _Line:
    try:
        entry = json.loads(line)
        at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC).strftime("%F %T")
    except (ValueError, KeyError):
        return _Line("", "", "", "")
    unit = str(entry.get("_SYSTEMD_UNIT", "")).removesuffix(".service")
    return _Line(unit, str(entry.get("_PID", "")), at, str(entry.get("MESSAGE", "")))


def _of_journal(lines: Iterable[_Line]) -> list[_Line]:
    """Return the last line of each traceback; of chained exceptions, the last line of the last."""
    found: dict[int, _Line] = {}
    last: dict[str, int] = {}
    """The key of each process's last exception in `found`."""
    inside: set[str] = set()
    """The processes whose traceback has no last line yet."""
    for number, line in enumerate(lines):
        if line.text.startswith(HEAD):
            inside.add(line.process)
        elif line.text.startswith(CHAINED):
            found.pop(last.pop(line.process, -1), None)
        elif line.process in inside and line.text:
            inside.discard(line.process)
            last[line.process] = number
            found[number] = line
    return [line for line in found.values() if not line.text.startswith(HARMLESS)]


def _of_files(lines: Iterable[str]) -> list[_Line]:
    parts = (line.split("\t", 2) for line in lines if line.startswith("file\t") and line.count("\t") >= 2)
    return [_Line(source, "", text[:19], text[24:]) for _, source, text in parts]


# A bare traceback is several entries, of which the first search finds the first, and the second the last: a line that
# begins with the name of a class. Most hosts need the first search only.
_SCRIPT = (
    window.SHELL
    + window.SEARCH
    + r"""
search _TRANSPORT=stdout --output-fields=_PID -g '^Traceback \(most recent call last\)'
processes=$(printf '%s\n' "$found" | sed -n 's/.*"_PID" *: *"\([0-9]*\)".*/_PID=\1/p' | sort -u | tail -n 100)
if [ -n "$processes" ]; then
  search _TRANSPORT=stdout --output-fields=MESSAGE,_SYSTEMD_UNIT,_PID $processes \
    -g '^Traceback \(most recent|^[A-Za-z_][A-Za-z0-9_.]*(: |$)|^During handling of the|^The above exception'
  printf '%s\n' "$found" | tail -n 4000
fi
# What oslo.service catches where a thread or process ends for it.
find /var/log -mindepth 2 -maxdepth 3 -name '*.log' -newermt "@$at" \
    -exec grep -HaE ' oslo_service\..*(Error (starting|waiting on) thread|Unhandled exception)' {} + |
  awk -v since="$(date -d "@$at" '+%F %T')" '{
    path = substr($0, 1, index($0, ":") - 1); line = substr($0, index($0, ":") + 1, 300)
    if (substr(line, 1, 19) < since) next
    sub(/.*\//, "", path); sub(/\.log$/, "", path); print "file\t" path "\t" line
  }' | tail -n 1000
"""
)
