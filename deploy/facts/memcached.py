"""memcached: what a member says of itself to who can reach it."""

from dataclasses import dataclass

from deploy.host import Reads


@dataclass(frozen=True)
class MemcachedStatus:
    """One member's counters. No `version`: it did not answer."""

    version: str = ""
    connections: int = 0
    allowed: int = 0
    """Connections it takes at once."""
    refused: int = 0
    """How often it stopped taking connections since it was started."""


def status(host: Reads, address: object, port: object) -> MemcachedStatus:
    """Ask the member at that address, from that host."""
    return parse(host.run("timeout 5 bash -c %s %s %s", _ASK, address, port).out)


def parse(text: str) -> MemcachedStatus:
    """Lines of `STAT name value`."""
    words = [line.split(maxsplit=2) for line in text.splitlines()]
    told = {entry[1]: entry[2].strip() for entry in words if len(entry) == 3 and entry[0] == "STAT"}

    def number(name: str) -> int:
        return int(told[name]) if told.get(name, "").isdecimal() else 0

    return MemcachedStatus(
        told.get("version", ""), number("curr_connections"), number("max_connections"), number("listen_disabled_num")
    )


_ASK = 'exec 3<>/dev/tcp/$0/$1 && printf "stats\\r\\nquit\\r\\n" >&3 && cat <&3'
