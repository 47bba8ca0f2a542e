"""Kernel: what a host's kernel reports of failing devices, hanging tasks and full tables, and jumps of its clock.

Crashes and kills for lack of memory are in `deploy.facts.logs`.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass

from deploy.facts import window
from deploy.host import Reads

KINDS = {
    "storage": re.compile(
        r"\bI/O error\b|EXT4-fs (error|warning)|XFS .*(orruption|Shutdown|shutting down)|BTRFS (error|critical)"
        r"|[Rr]emounting filesystem read-only|[Mm]edium [Ee]rror|nvme.*(timeout|resetting)|exception Emask"
    ),
    "hanging": re.compile(r"blocked for more than \d+ seconds|soft lockup|hard LOCKUP|rcu.*(stall|starved)|hogged CPU"),
    "hardware": re.compile(r"Hardware Error|[Mm]achine [Cc]heck|EDAC .*\b[UC]E\b|temperature above threshold"),
    "bug": re.compile(r"\bBUG: |\bOops\b|[Kk]ernel panic|general protection fault|refcount_t:"),
    "network": re.compile(r"table full, dropping packet|neighbo(u)?r table overflow|transmit queue .*timed out"),
    "clock": re.compile(r"[Tt]ime jump detected|[Cc]locksource .*unstable"),
}
"""What of a message shows each kind of trouble; by Linux 6.1's sources, and for a clock that jumped by chrony's."""


@dataclass(frozen=True)
class Kernel:
    """What the kernel and the clock of one host report."""

    known: bool = False
    """False where the journal holds no message of a kernel."""
    container: bool = False
    """True for a container, whose kernel is that of its machine and reports there."""
    troubles: tuple[str, ...] = ()
    """One text for each kind with its count and its first message."""


def read(host: Reads, clock: str, since: str = "") -> Kernel:
    """Return the trouble since `since`, a time for `date -d`; `clock` is the unit that keeps the time.

    CommandFailed where the journal cannot be searched.
    """
    return parse(host.check("exec sh -s -- %s %s", since, clock, stdin=_SCRIPT, timeout=60))


def parse(text: str) -> Kernel:
    """Parse the lines `known` and `container`, and journal entries as JSON; skip other lines."""
    lines = text.splitlines()
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for message in (_message(line) for line in lines if line.startswith("{")):
        for kind in (kind for kind, pattern in KINDS.items() if pattern.search(message)):
            counts[kind] += 1
            first.setdefault(kind, message[:200])
    return Kernel(
        "known" in lines,
        "container" in lines,
        tuple(f"{count} x {kind}: {first[kind]}" for kind, count in counts.items()),
    )


def _message(line: str) -> str:
    try:
        return str(json.loads(line).get("MESSAGE", ""))
    except ValueError:
        return ""


_SCRIPT = (
    window.SHELL
    + window.SEARCH
    + "systemd-detect-virt -q --container && echo container\n"
    + '[ -z "$(journalctl -q --no-pager -n 1 -o cat _TRANSPORT=kernel)" ] || echo known\n'
    # One search finds every line that the patterns can match.
    + 'search _TRANSPORT=kernel + "_SYSTEMD_UNIT=$2.service" --output-fields=MESSAGE -g \''
    + "|".join(f"(?:{pattern.pattern})" for pattern in KINDS.values())
    + "'\nprintf '%s\\n' \"$found\" | tail -n 1000\n"
)
