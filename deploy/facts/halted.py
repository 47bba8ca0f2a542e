"""Halted units: their processes exist and do nothing, because a signal, a debugger or the freezer stopped them."""

from dataclasses import dataclass
from functools import lru_cache

from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class Halted:
    """The halted processes of one host."""

    processes: int = 0
    """The processes that were read; 0: the host did not answer."""
    units: frozenset[str] = frozenset()
    """Units, without their suffix, with a stopped or traced process, or in a frozen control group."""


def read(host: Reads) -> Halted:
    """Read one host, in one round trip; CommandFailed where it does not answer."""
    return parse(whole(host, "halted units", host.check(f"sh -s && echo {END}", stdin=_ASK)))


@lru_cache(maxsize=32)  # a check of every unit reads the same answer
def parse(text: str) -> Halted:
    """Parse lines of unit names, then the number of processes; `Halted()` where the number is missing."""
    *lines, last = text.split() or [""]
    units = {name.removesuffix(".service") for name in lines if name.endswith(".service")}
    return Halted(int(last), frozenset(units)) if last.isdecimal() else Halted()


# States of proc_pid_status(5): T is stopped by a signal, t by a debugger.
_ASK = r"""exec 2>/dev/null
for status in $(grep -lE '^State:\s+[Tt] ' /proc/[0-9]*/status); do
  sed -n 's|.*/\([^/]*\.service\)\(/.*\)\{0,1\}$|\1|p' "${status%status}cgroup"
done
for frozen in $(grep -lx 1 /sys/fs/cgroup/system.slice/*.service/cgroup.freeze); do
  basename "${frozen%/cgroup.freeze}"
done
cat /proc/[0-9]*/status | grep -c '^State:'
"""
