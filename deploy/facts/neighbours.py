"""Neighbours: who answers at an address, as one host on the same network sees it."""

import re
from dataclasses import dataclass

from deploy.host import Reads

# A connection attempt makes the kernel ask for the address anew; a refusal is an answer as well.
_ASK = """export LC_ALL=C
port=$1; shift
try() {
  said=$(timeout 4 bash -c ": < /dev/tcp/$1/$2" 2>&1) && echo "$1 tcp open" && return
  case $said in *refused*) echo "$1 tcp refused" ;; *) echo "$1 tcp silent" ;; esac
}
for address in "$@"; do try "$address" "$port" & done
wait
for address in "$@"; do ip neigh show to "$address" | sed "s/^/neigh /"; done
"""
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
    """Who answers at those addresses, in one round trip of at most 4 s; `port` is only what is knocked at."""
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
