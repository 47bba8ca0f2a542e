"""chrony: how far a host's clock is off, and whose time it follows."""

from dataclasses import dataclass

from deploy.host import Reads

LOCAL = "7F7F0101"
"""What chrony calls the host's own clock, where it serves that."""


@dataclass(frozen=True)
class Clock:
    """What chrony says of itself. Not `synchronised`: it follows nobody, and does not serve its own time."""

    synchronised: bool = False
    source: str = ""
    """Whom it follows now; empty: itself or nobody."""
    offset: float = 0.0
    """Seconds by which the host's clock is behind its source; negative: ahead."""


def clock(host: Reads) -> Clock:
    """Ask chrony on that host."""
    return parse(host.run("chronyc -n -c tracking; chronyc -n -c sources").out)


def parse(text: str) -> Clock:
    """A line of commas: reference, source, stratum, time, offset ... leap status; then the sources, with their state.

    The sources count: the first line goes on telling one that was taken away.
    """
    told, *sources = [line.split(",") for line in text.splitlines()] or [[]]
    source = next((fields[2] for fields in sources if len(fields) > 2 and fields[1] == "*"), "")
    try:
        right = told[-1] == "Normal" and bool(source or told[0] == LOCAL)
        return Clock(synchronised=right, source=source, offset=float(told[4]))
    except (IndexError, ValueError):
        return Clock()
