"""Logs: critical errors, tracebacks and crashes in a host's logs and journal since a given time."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from deploy.host import Reads

SINCE_BUILT = ""
"""Start of the window: the build's last written file or restarted unit on the host; without one, the host's boot."""


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble of one source. `most` is the largest count within ten minutes."""

    source: str
    """The unit's name, or the log file's name without `.log`."""
    kind: str
    """`critical`, `traceback` or `crash`."""
    count: int
    most: int
    first: str
    """The first such line."""

    def __str__(self) -> str:
        return f"{self.source}: {self.count} x {self.kind}, at most {self.most} in ten minutes, first: {self.first}"


def troubles(host: Reads, since: str = SINCE_BUILT) -> list[Trouble]:
    """Return all trouble since `since`, a time for `date -d`. Lines of log files must begin with the date, as
    OpenStack's do."""
    return parse(host.check("exec sh -s -- %s", since, stdin=_SCRIPT, timeout=60))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> list[Trouble]:
    """Parse lines of `file <source> <date> <time> <message>`, then the journal as JSON."""
    return _summed([*_of_files(text.splitlines()), *_of_journal(text.splitlines())])


@dataclass(frozen=True)
class _Line:
    source: str
    at: str
    text: str
    kind: str


def _of_files(lines: Iterable[str]) -> Iterable[_Line]:
    heads: dict[str, str] = {}
    """The last first line of a message, by source: the line before a traceback names the failed request."""
    for source, line in (rest for line in lines if len(rest := line.split("\t", 2)[1:]) == 2 and line[:5] == "file\t"):
        kind = _kind(line)
        if _HEAD.search(line):
            heads[source] = line
        cause = heads.get(source, line) if kind == "traceback" else line
        if kind and not _HARMLESS.search(cause):
            yield _Line(source, line[:19], cause, kind)


def _of_journal(lines: Iterable[str]) -> Iterable[_Line]:
    for line in lines:
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        if isinstance(message, str) and (kind := _kind(message)) and not _HARMLESS.search(message):
            at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC).strftime("%F %T")
            unit = entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER", "")
            yield _Line(unit.removesuffix(".service"), at, f"{at} {message}", kind)


def _kind(line: str) -> str:
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(line)), "")


def _summed(lines: Iterable[_Line]) -> list[Trouble]:
    found: dict[tuple[str, str], list[_Line]] = {}
    for line in lines:
        found.setdefault((line.source, line.kind), []).append(line)
    return [
        Trouble(
            source=source,
            kind=kind,
            count=len(all_),
            most=max(Counter(line.at[:15] for line in all_).values()),
            first=all_[0].text[:300],
        )
        for (source, kind), all_ in sorted(found.items())
    ]


_KINDS = {
    "crash": re.compile(
        r"segfault at|segmentation fault|signal 11\b|status=11/SEGV|code=dumped|core-dump"
        r"|out of memory: killed|oom-kill|oom killer",
        re.IGNORECASE,
    ),
    "critical": re.compile(r" CRITICAL "),
    "traceback": re.compile(r"Traceback \(most recent call last\)"),
}
_HEAD = re.compile(r" \[(?:None )?(?:req-|-[ \]])")
"""The first line of an OpenStack service's message holds the request ID."""
_HARMLESS = re.compile(
    r"Unhandled error: OSError: write error"  # a client hung up, such as a health check that timed out
    r"| keystone\S* \[.*\] Could not find "  # Keystone's traceback for a request for a missing object
)

_SCRIPT = r"""
since=$1
if [ -n "$since" ]; then at=$(date -d "$since" +%s) || exit 1
else at=$(stat -c %Y /var/lib/stackproof/pending 2>/dev/null || date -d "$(ps -o lstart= -p 1)" +%s); fi
tell='Traceback \(most recent|CRITICAL|[Ss]egfault at|[Ss]egmentation [Ff]ault|[Ss]ignal 11|status=11/SEGV'
tell="$tell|code=dumped|core-dump|[Oo]ut of memory: [Kk]illed|oom-kill|OOM killer"
find /var/log -mindepth 2 -maxdepth 3 -name '*.log' -newermt "@$at" -exec grep -laE "$tell" {} + |
while read -r file; do
  source=${file##*/}
  grep -aE -B 1 "$tell" "$file" |
    awk -v since="$(date -d "@$at" '+%F %T')" -v source="${source%.log}" \
      'substr($0, 1, 19) >= since && /^[0-9][0-9][0-9][0-9]-/ { print "file\t" source "\t" substr($0, 1, 400) }' |
    head -n 5000
done
journalctl -q --no-pager --since "@$at" -g "$tell" -o json \
  --output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER | head -n 5000
"""
