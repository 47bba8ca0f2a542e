"""chrony: a host's clock offset, and the time source it follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.host import Reads

LOCAL = "7F7F0101"
"""chrony's reference ID for the host's own clock, where chrony serves it."""


@dataclass(frozen=True)
class Clock:
    """chrony's state. `synchronised` is False where chrony follows no source and does not serve the host's own time."""

    synchronised: bool = False
    source: str = ""
    """The source chrony follows now; empty: its own clock or none."""
    offset: float = 0.0
    """Seconds the host's clock is behind its source; negative: ahead."""
    sources: Mapping[str, bool] = field(default_factory=dict)
    """Whether each source, by address, answered one of the last eight requests."""


def clock(host: Reads) -> Clock:
    """Return chrony's state on that host; `Clock()` where chrony does not answer."""
    return parse(host.run("chronyc -n -c tracking; chronyc -n -c sources").out)


def parse(text: str) -> Clock:
    """Parse the CSV of `tracking` (reference, source, stratum, time, offset ... leap status), then that of `sources`.

    The source comes from `sources`: `tracking` still names a source after it was removed.
    """
    tracking, *sources = [line.split(",") for line in text.splitlines()] or [[]]
    source = next((fields[2] for fields in sources if len(fields) > 2 and fields[1] == "*"), "")
    try:
        right = tracking[-1] == "Normal" and bool(source or tracking[0] == LOCAL)
        answers = {fields[2]: fields[5] != "0" for fields in sources if len(fields) > 5}
        return Clock(synchronised=right, source=source, offset=float(tracking[4]), sources=answers)
    except (IndexError, ValueError):
        return Clock()
