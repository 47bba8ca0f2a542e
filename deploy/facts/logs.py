"""Logs: critical errors, tracebacks and crashes in a host's logs and journal since a given time."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from deploy.facts.log_script import CRASH, CRITICAL, HARMLESS, JOURNAL, MOST, SAMPLE, SCRIPT, TRACEBACK
from deploy.host import Reads

SINCE_BUILT = ""
"""Start of the window: the build's last written file or restarted unit on the host; without one, the host's boot."""
UNKNOWN = "unknown"
"""The kind of trouble of a log that was not read, or not wholly."""


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble of one source. `most` is the largest count within ten minutes."""

    source: str
    """The unit's name, or the log file's name up to `.log`; JOURNAL where the host's whole journal is unknown."""
    kind: str
    """`critical`, `traceback`, `crash` or UNKNOWN."""
    count: int
    most: int
    first: str
    """The first such line; of an unknown log the reason."""

    def __str__(self) -> str:
        if self.kind == UNKNOWN:
            return f"{self.source}: not known: {self.first}"
        return f"{self.source}: {self.count} x {self.kind}, at most {self.most} in ten minutes, first: {self.first}"


@dataclass(frozen=True)
class Logs:
    """The trouble of one host, and the time from which it was searched for."""

    troubles: tuple[Trouble, ...] = ()
    since: str = ""
    """The time in the host's zone and what it is, such as `2026-11-21 09:30:00 (the last change by a build)`."""


def read(host: Reads, since: str = SINCE_BUILT) -> Logs:
    """Return all trouble since `since`, a time for `date -d`; rotated and compressed logs are read too.

    A log that cannot be read is trouble of the kind UNKNOWN.
    """
    return parse(host.check("exec sh -s -- %s", since, stdin=SCRIPT, timeout=60))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> Logs:
    """Parse lines of `file <source> <kind> <time> <count> <line>` and of `since`, and the journal as JSON.

    Any other line is an error message: of the log that it names, or else of the whole host.
    """
    lines = text.split("\n")  # and not splitlines(), since a logged message may hold other ends of lines
    rows = [line.split("\t") for line in lines]
    files = [_Lines(row[1], row[2], row[3], int(row[4]), row[5]) for row in rows if _is_of_file(row)]
    others = [line for line, row in zip(lines, rows, strict=True) if row[0] not in {"file", "since"}]
    since = next((f"{row[1]} ({row[2]})" for row in rows if row[0] == "since" and len(row) == 3), "")
    troubles = _summed([*(of_file for of_file in files if of_file.source != SAMPLE), *_of_journal(others)])
    return Logs((*troubles, *_unknown(others, files)), since)


@dataclass(frozen=True)
class _Lines:
    """Lines of one source and kind within ten minutes: their number, and the first one with its time."""

    source: str
    kind: str
    at: str
    count: int
    first: str


def _is_of_file(row: list[str]) -> bool:
    return row[0] == "file" and len(row) > 5 and row[4].isdecimal()


def _of_journal(lines: Iterable[str]) -> Iterator[_Lines]:
    for line in lines:
        entry = _entry(line)
        message = entry.get("MESSAGE")
        if isinstance(message, str) and (kind := _kind(message)) and not re.search(HARMLESS, message):
            at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC).strftime("%F %T")
            unit = entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER", "")
            yield _Lines(unit.removesuffix(".service"), kind, at, 1, f"{at} {message}"[:300])


def _entry(line: str) -> dict[str, str]:
    """Return the fields of an entry of the journal; none for any other line."""
    try:
        entry = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return entry if "__REALTIME_TIMESTAMP" in entry else {}


def _kind(message: str) -> str:
    if re.search(CRASH, message.lower()):
        return "crash"
    return "critical" if re.search(CRITICAL, message) else "traceback" if re.search(TRACEBACK, message) else ""


def _summed(lines: Iterable[_Lines]) -> Iterator[Trouble]:
    found: dict[tuple[str, str], list[_Lines]] = {}
    for line in sorted(lines, key=lambda line: line.at):
        found.setdefault((line.source, line.kind), []).append(line)
    for (source, kind), all_ in sorted(found.items()):
        spans: Counter[str] = Counter()
        for line in all_:
            spans[line.at[:15]] += line.count
        yield Trouble(source, kind, spans.total(), max(spans.values()), all_[0].first)


def _unknown(lines: list[str], files: Iterable[_Lines]) -> Iterator[Trouble]:
    """Yield what was not read, by the lines that are neither of a log nor of the journal."""
    read = [int(found[1]) for line in lines if (found := _READ.fullmatch(line))]
    if not read or not _ENDED & set(lines):
        yield _not_known(JOURNAL, "journalctl did not end by itself")
    if any(number > MOST for number in read):
        yield _not_known(JOURNAL, f"{max(read) - MOST} older entries were left out")
    if all(of_file.source != SAMPLE for of_file in files):
        yield _not_known(JOURNAL, "the search did not find its sample, a critical line of this moment")
    for line in lines:
        if line and line not in _ENDED and not _READ.fullmatch(line) and not _entry(line):
            named = _LOG.search(line)
            yield _not_known(named[1] if named else JOURNAL, line)


def _not_known(source: str, reason: str) -> Trouble:
    return Trouble(source, UNKNOWN, 1, 1, reason)


_READ = re.compile(r"read\t(\d+)")
"""The number of the journal's entries that match."""
_ENDED = {"ended 0", "ended 1"}
"""journalctl's exit codes: 1 where no entry matches."""
_LOG = re.compile(r"/([^/ ]+?)\.log\b")
