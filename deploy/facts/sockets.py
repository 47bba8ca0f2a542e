"""Sockets: what listens on a host, on which address and port, and whose it is."""

import re
from dataclasses import dataclass
from functools import lru_cache

from deploy.facts import processes
from deploy.facts.processes import Process
from deploy.host import Reads

COMMAND = f"ss -Htulnp && {processes.COMMAND}"
"""Asks for both at once, the processes last: what holds a socket and is not among them has ended since."""
ANY = "any"
"""In the place of an address: bound on all there are."""
EPHEMERAL = range(32768, 61000)
"""Ports the kernel gives whoever asked for none (net.ipv4.ip_local_port_range, Linux's default)."""
_WILDCARDS = {"*", "0.0.0.0", "::"}  # noqa: S104 - what is read, not bound
_PID = re.compile(r"pid=(\d+)")
_PROGRAM = re.compile(r'\(\("([^"]+)"')


@dataclass(frozen=True)
class Listener:
    """One socket that waits for others. No `program`: the kernel's own."""

    protocol: str
    address: str
    port: int
    program: str = ""
    units: frozenset[str] = frozenset()
    """The services whose processes hold it."""

    @property
    def is_local(self) -> bool:
        """Only this host itself reaches it."""
        return self.address.startswith("127.") or self.address == "::1"

    @property
    def may_ask(self) -> bool:
        """Whether it may be a client's: UDP knows no listening, and clients have a port that nobody chose."""
        return self.protocol == "udp" and self.address == ANY and self.port in EPHEMERAL

    def __str__(self) -> str:
        whose = ", ".join(sorted(self.units)) or self.program or "the kernel"
        return f"{self.address}:{self.port}/{self.protocol} of {whose}"


def listening(host: Reads) -> tuple[Listener, ...]:
    """Every TCP and UDP socket of that host that waits for others, in its own network namespace."""
    return _joined(host.check(COMMAND))


@lru_cache(maxsize=32)  # many checks read the same answer
def _joined(text: str) -> tuple[Listener, ...]:
    return parse(text, processes.parse(text))


def parse(text: str, running: dict[int, Process]) -> tuple[Listener, ...]:
    """Lines of `ss -Htulnp`, joined with the processes that hold the sockets; without those whose holders ended."""
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
    """Without brackets and the name of an interface."""
    plain = address.partition("%")[0].strip("[]")
    return ANY if plain in _WILDCARDS else plain
