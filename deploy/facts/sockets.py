"""Sockets: the listening sockets of a host, their address and port, and the units that hold them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from deploy.facts import processes
from deploy.facts.processes import Process
from deploy.host import Reads

COMMAND = f"ss -Htulnp && {processes.COMMAND}"
"""Lists the sockets, then the processes: a holder missing from the second list has ended in between."""
ANY = "any"
"""Stands for the address of a socket bound to all addresses."""
EPHEMERAL = range(32768, 61000)
"""Ports the kernel assigns to clients (net.ipv4.ip_local_port_range, Linux's default)."""
_WILDCARDS = {"*", "0.0.0.0", "::"}  # noqa: S104 - text to read, not an address to bind
_PID = re.compile(r"pid=(\d+)")
_PROGRAM = re.compile(r'\(\("([^"]+)"')


@dataclass(frozen=True)
class Listener:
    """One listening socket; `program` is empty for a socket of the kernel."""

    protocol: str
    address: str
    port: int
    program: str = ""
    units: frozenset[str] = frozenset()
    """The services whose processes hold the socket."""

    @property
    def is_local(self) -> bool:
        """True where only this host can reach the socket."""
        return self.address.startswith("127.") or self.address == "::1"

    @property
    def may_be_client(self) -> bool:
        """True where this may be a client's UDP socket: UDP has no listen state, and clients use an ephemeral port."""
        return self.protocol == "udp" and self.address == ANY and self.port in EPHEMERAL

    def __str__(self) -> str:
        whose = ", ".join(sorted(self.units)) or self.program or "the kernel"
        return f"{self.address}:{self.port}/{self.protocol} of {whose}"


def listening(host: Reads) -> tuple[Listener, ...]:
    """Return every listening TCP and UDP socket in that host's main network namespace."""
    return _joined(host.check(COMMAND))


@lru_cache(maxsize=32)  # many checks read the same answer
def _joined(text: str) -> tuple[Listener, ...]:
    return parse(text, processes.parse(text))


def parse(text: str, running: dict[int, Process]) -> tuple[Listener, ...]:
    """Join lines of `ss -Htulnp` with the processes that hold the sockets; skip sockets whose holders have ended."""
    found = []
    for line in text.splitlines():
        words = line.split(maxsplit=6)
        if len(words) < 6 or words[0] not in {"tcp", "udp"}:
            continue
        address, _, port = words[4].rpartition(":")
        if not port.isdecimal():
            continue
        holders = words[6] if len(words) > 6 else ""
        program = _PROGRAM.search(holders)
        pids = [int(pid) for pid in _PID.findall(holders)]
        held_by = [running[pid] for pid in pids if pid in running]
        if pids and not held_by:
            continue
        found.append(
            Listener(
                protocol=words[0],
                address=_plain(address),
                port=int(port),
                program=program[1] if program else "",
                units=frozenset(process.unit for process in held_by if process.unit),
            )
        )
    return tuple(found)


def _plain(address: str) -> str:
    """Return the address without brackets and interface name; ANY for a wildcard."""
    plain = address.partition("%")[0].strip("[]")
    return ANY if plain in _WILDCARDS else plain
