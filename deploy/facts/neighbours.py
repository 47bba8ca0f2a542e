"""Neighbours: whether a machine answers at an address, read from a host on the same network."""

import re
from dataclasses import dataclass

from deploy.host import Reads

AT_ONCE = 8
"""Number of addresses one host tries at the same time. If forty hosts each try all others at once, 1,560 attempts start
together, and none of them gets CPU time before its deadline."""
_DEADLINE = 4
"""Seconds one attempt may take, from its own start."""
# A connection attempt makes the kernel resolve the address by ARP again; a refusal is an answer too. Where one round of
# attempts does not suffice, hosts begin at different times, and each tries the others in its own order.
_ASK = """export LC_ALL=C
port=$1; shift
if [ $# -gt AT_ONCE ]; then
  sleep "$(shuf -n 1 -i 0-$(($# / AT_ONCE - 1))).$(shuf -n 1 -i 0-9)"
fi
printf '%s\\n' "$@" | shuf | xargs -n 1 -P AT_ONCE sh -c '
  said=$(timeout DEADLINE bash -c ": < /dev/tcp/$1/$0" 2>&1) && echo "$1 tcp open" && exit
  case $said in *refused*) echo "$1 tcp refused"; exit ;; esac
  if ping -q -c 1 -W 1 "$1" >/dev/null 2>&1; then echo "$1 tcp filtered"; else echo "$1 tcp silent"; fi
' "$port"
for address in "$@"; do ip neigh show to "$address" | sed "s/^/neigh /"; done
""".replace("AT_ONCE", str(AT_ONCE)).replace("DEADLINE", str(_DEADLINE))
_NEIGHBOUR = re.compile(r"^neigh (\S+) dev (\S+)(?: lladdr (\S+))?(?: \w+)*? ([A-Z]+)$")


@dataclass(frozen=True)
class Neighbour:
    """The answer of one address."""

    tcp: str = "silent"
    """`open`, `refused`, `filtered` (a ping was answered, and the connection was not), or `silent`."""
    mac: str = ""
    state: str = ""
    """The kernel's state, such as REACHABLE, STALE or FAILED (ip-neighbour(8)); empty: not on the host's networks."""

    @property
    def answers(self) -> bool:
        """True where a machine answered. A cached entry (STALE, DELAY) is no proof."""
        return self.tcp != "silent" or self.state == "REACHABLE"


def read(host: Reads, *addresses: object, port: int = 22) -> dict[str, Neighbour]:
    """Return the answer of each address, in one round trip; `port` is the TCP port to connect to.

    This takes at most 5 s for every AT_ONCE addresses, and 1 s more for each further such round.
    """
    if not addresses:
        return {}
    return parse(host.check(f"exec sh -s -- %s {' '.join(['%s'] * len(addresses))}", port, *addresses, stdin=_ASK))


def parse(text: str) -> dict[str, Neighbour]:
    """Parse lines of `<address> tcp <answer>`, then those of `ip neigh show` after the word neigh."""
    answers, entries = {}, {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == "tcp":
            answers[words[0]] = words[2]
        elif found := _NEIGHBOUR.match(line.strip()):
            entries[found[1]] = (found[3] or "", found[4])
    return {address: Neighbour(tcp, *entries.get(address, ("", ""))) for address, tcp in answers.items()}
