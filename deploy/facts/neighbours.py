"""Neighbours: who answers at an address, as one host on the same network sees it."""

import re
from dataclasses import dataclass

from deploy.host import Reads

AT_ONCE = 8
"""How many addresses one host tries at the same time. Forty hosts that each try all others at once start 1,560 attempts
in one moment, and none of them gets its turn on the processors in time."""
_DEADLINE = 4
"""Seconds of one attempt, from its own start."""
# A connection attempt makes the kernel ask for the address anew; a refusal is an answer as well. Where one round of
# attempts is not enough, hosts begin at different moments, and each tries the others in an order of its own.
_ASK = """export LC_ALL=C
port=$1; shift
if [ $# -gt AT_ONCE ]; then
  sleep "$(shuf -n 1 -i 0-$(($# / AT_ONCE - 1))).$(shuf -n 1 -i 0-9)"
fi
printf '%s\\n' "$@" | shuf | xargs -n 1 -P AT_ONCE sh -c '
  said=$(timeout DEADLINE bash -c ": < /dev/tcp/$1/$0" 2>&1) && echo "$1 tcp open" && exit
  case $said in *refused*) echo "$1 tcp refused" ;; *) echo "$1 tcp silent" ;; esac
' "$port"
for address in "$@"; do ip neigh show to "$address" | sed "s/^/neigh /"; done
""".replace("AT_ONCE", str(AT_ONCE)).replace("DEADLINE", str(_DEADLINE))
_NEIGHBOUR = re.compile(r"^neigh (\S+) dev (\S+)(?: lladdr (\S+))?(?: \w+)*? ([A-Z]+)$")


@dataclass(frozen=True)
class Neighbour:
    """Who answers at one address."""

    tcp: str = "silent"
    """open, refused or silent."""
    mac: str = ""
    state: str = ""
    """The kernel's, such as REACHABLE, STALE or FAILED (ip-neighbour(8)); empty: not on a network of this host."""

    @property
    def answers(self) -> bool:
        """True where something is there. An entry that is merely remembered (STALE, DELAY) is no sign."""
        return self.tcp != "silent" or self.state == "REACHABLE"


def read(host: Reads, *addresses: object, port: int = 22) -> dict[str, Neighbour]:
    """Who answers at those addresses, in one round trip; `port` is only what is knocked at.

    It takes at most 4 s for every AT_ONCE addresses, and a second for each further such round.
    """
    if not addresses:
        return {}
    return parse(host.check(f"exec sh -s -- %s {' '.join(['%s'] * len(addresses))}", port, *addresses, stdin=_ASK))


def parse(text: str) -> dict[str, Neighbour]:
    """Lines of `address tcp answer`, then `ip neigh show` of each after the word neigh."""
    answers, entries = {}, {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == "tcp":
            answers[words[0]] = words[2]
        elif found := _NEIGHBOUR.match(line.strip()):
            entries[found[1]] = (found[3] or "", found[4])
    return {address: Neighbour(tcp, *entries.get(address, ("", ""))) for address, tcp in answers.items()}
