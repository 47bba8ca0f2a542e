"""Starts of units, from systemd's own entries in the journal, whoever started them: systemd, Pacemaker or a person."""

import json
from collections.abc import Iterable
from functools import lru_cache

from deploy.facts.ended import END, whole
from deploy.host import Reads

WINDOW = 600
"""Seconds within which starts are counted."""
_MESSAGES = (
    "39f53479d3a045ac8e11786248231fbf",  # SD_MESSAGE_UNIT_STARTED, in systemd's sd-messages.h
    "7d4958e842da4a758f6c1cdc7b36dcc5",  # SD_MESSAGE_UNIT_STARTING: a start that fails has only this one
)
# journalctl succeeds where it finds nothing, and where there is no journal; the second, which asks for any line, tells.
_ASK = f"""
at=$(date -d "${{1:-1 day ago}}" +%s) || exit 1
shift
journalctl -q --no-pager --since "@$at" -o json --output-fields=UNIT,INVOCATION_ID _PID=1 "$@" &&
[ -n "$(journalctl -q --no-pager -n 1 -o cat)" ] && echo {END}
"""


def most(host: Reads, units: Iterable[str], since: str = "") -> dict[str, int]:
    """Return the largest number of starts within WINDOW seconds, by unit; a unit without a start is left out.

    `since`: a time for `date -d`; empty: the last day. CommandFailed where the journal cannot be read.
    """
    matches = [f"MESSAGE_ID={message}" for message in _MESSAGES] + [f"UNIT={unit}.service" for unit in units]
    text = host.check("exec sh -s -- %s" + " %s" * len(matches), since, *matches, stdin=_ASK)
    return parse(whole(host, "starts of units in the journal", text))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[str, int]:
    """Parse lines of JSON, one per entry of the journal; all entries of one start have the same INVOCATION_ID."""
    began: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            unit, start = entry["UNIT"].removesuffix(".service"), str(entry["INVOCATION_ID"])
            at = int(entry["__REALTIME_TIMESTAMP"])
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        began.setdefault(unit, {}).setdefault(start, at)
    return {unit: _most(sorted(starts.values())) for unit, starts in began.items()}


def _most(times: list[int]) -> int:
    """Return the largest number of times, in microseconds, within WINDOW seconds of one of them."""
    return max(sum(first <= at < first + WINDOW * 1_000_000 for at in times) for first in times)
