"""Firewall: the live rules of this cluster's nftables table, the rules of its file, and doors that stay closed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from deploy.facts.ended import END, whole
from deploy.host import Reads

TABLE = "inet stackproof"
FILE = "/etc/stackproof/firewall.nft"
OPERATORS = "/etc/stackproof/firewall.d"
WAIT = 1.5
"""Seconds until a connection that nobody answers counts as dropped; hosts of one cluster answer within milliseconds."""


@dataclass(frozen=True)
class Firewall:
    """The rules of one host, as nft prints them."""

    live: tuple[str, ...] = ()
    """Empty where the kernel has no such table."""
    wanted: tuple[str, ...] = ()
    """The rules that the file and the operator's files would load."""

    @property
    def differences(self) -> tuple[str, ...]:
        """The rules that only the kernel has, after `+`, and those that it lacks, after `-`."""
        missing = (f"- {line.strip()}" for line in self.wanted if line not in self.live)
        return (*missing, *(f"+ {line.strip()}" for line in self.live if line not in self.wanted))


def read(host: Reads) -> Firewall:
    """Read one host; CommandFailed where the file cannot be loaded or the host does not answer."""
    return parse(whole(host, "firewall", host.check(f"sh -s && echo {END}", stdin=_RULES)))


@lru_cache(maxsize=32)
def parse(text: str) -> Firewall:
    """Parse the live rules, a line `--`, and the wanted ones."""
    live, mark, wanted = text.partition("--\n")
    return Firewall(tuple(live.splitlines()), tuple(wanted.splitlines())) if mark else Firewall()


def answered(host: Reads, doors: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Connect from that host to TCP ports, all at once; return those that are not silent, with what they said.

    CommandFailed where the host does not answer.
    """
    asked = sorted(set(doors))
    words = [f"{address}:{port}" for address, port in asked]
    text = host.check(f"exec python3 -IS - %s{' %s' * len(words)}", WAIT, *words, stdin=_KNOCK, timeout=30)
    found = {}
    for line in whole(host, "closed ports", text).splitlines():
        door, _, said = line.partition(" ")
        address, _, port = door.rpartition(":")
        found[address, int(port)] = said
    return found


# The file's rules are loaded into a new network namespace, which ends with the command. Counters are not printed (-s).
_RULES = f"""set -e
nft -s list table {TABLE} 2>/dev/null || :
echo --
unshare -n sh -c 'nft -f {FILE} && nft -s list table {TABLE}'
"""

_KNOCK = (
    r"""
import selectors, socket, sys, time

until = time.monotonic() + float(sys.argv[1])
waiting = selectors.DefaultSelector()
for word in sys.argv[2:]:
    address, _, port = word.rpartition(":")
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex((address, int(port)))
    waiting.register(connection, selectors.EVENT_WRITE, word)
while waiting.get_map() and (left := until - time.monotonic()) > 0:
    for key, _ in waiting.select(left):
        error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        print(key.data, "refused" if error else "open")
        waiting.unregister(key.fileobj)
"""
    f'print("{END}")\n'
)
