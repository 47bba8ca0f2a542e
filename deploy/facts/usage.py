"""Usage: what a host's processes, networks and disk hold at one moment, to be compared with another moment."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression

from deploy.errors import CommandFailed
from deploy.host import Reads

COUNTED = ("namespaces", "network devices")
"""What tenants make and take away again: as many afterwards as before."""
UNITS = (*COUNTED, "processes", "connections", "memory MiB", "disk MiB")

# Of the processes the memory that is theirs alone: caches of files come and go.
_READ = r"""
ls /run/netns 2>/dev/null | wc -l
ls /sys/class/net | wc -l
ls -d /proc/[0-9]*/exe 2>/dev/null | wc -l
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "01"' | wc -l
cat /proc/[0-9]*/status 2>/dev/null | awk '$1 == "RssAnon:" { sum += $2 } END { print int(sum / 1024) }'
df -Pm / | awk 'END { print $3 }'
"""


@dataclass(frozen=True)
class Usage:
    """The usage of one host, by UNITS."""

    amounts: dict[str, int]


def read(host: Reads) -> Usage:
    """Return a host's usage; CommandFailed where the answer is not whole."""
    text = host.check("exec sh", stdin=_READ, timeout=30)
    try:
        return Usage(dict(zip(UNITS, map(int, text.split()), strict=True)))
    except ValueError:
        raise CommandFailed(f"{host.name}: not every number of its usage was read", seen=text[-300:]) from None


def slopes(samples: list[tuple[float, Usage]]) -> dict[str, float]:
    """Return the change of each amount in an hour, by least squares; `samples`: seconds, and the usage then.

    Empty for fewer than three samples, and for samples of one moment.
    """
    times = [at / 3600 for at, _ in samples]
    if len(samples) < 3 or not any(later > earlier for earlier, later in pairwise(times)):
        return {}
    return {unit: linear_regression(times, [each.amounts[unit] for _, each in samples]).slope for unit in UNITS}
