"""chrony: how far a host's clock is off, and whose time it follows."""

from dataclasses import dataclass

from deploy.host import Reads


@dataclass(frozen=True)
class Clock:
    """What chrony says of itself. Not `synchronised`: it follows nobody."""

    synchronised: bool = False
    source: str = ""
    offset: float = 0.0
    """Seconds by which the host's clock is behind its source; negative: ahead."""


def tracking(host: Reads) -> Clock:
    """Ask chrony on that host."""
    return parse(host.run("chronyc -n -c tracking").out)


def parse(text: str) -> Clock:
    """`chronyc -n -c tracking`: commas between reference, source, stratum, time, offset ... and the leap status."""
    fields = text.strip().split(",")
    try:
        return Clock(synchronised=fields[-1] == "Normal", source=fields[1], offset=float(fields[4]))
    except (IndexError, ValueError):
        return Clock()
