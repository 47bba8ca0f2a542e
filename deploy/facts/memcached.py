"""memcached: the counters of one member."""

from dataclasses import dataclass

from deploy.host import Reads


@dataclass(frozen=True)
class MemcachedStatus:
    """One member's counters. An empty `version` means that the member did not answer."""

    version: str = ""
    connections: int = 0
    allowed: int = 0
    """The limit on simultaneous connections."""
    refused: int = 0
    """How often the member stopped accepting connections since it started (`listen_disabled_num`)."""


def status(host: Reads, address: object, port: object) -> MemcachedStatus:
    """Query the member at that address from that host, for at most 5 s."""
    return parse(host.run("timeout 5 bash -c %s %s %s", _ASK, address, port).out)


def parse(text: str) -> MemcachedStatus:
    """Parse lines of `STAT name value`."""
    words = [line.split(maxsplit=2) for line in text.splitlines()]
    stats = {entry[1]: entry[2].strip() for entry in words if len(entry) == 3 and entry[0] == "STAT"}

    def number(name: str) -> int:
        return int(stats[name]) if stats.get(name, "").isdecimal() else 0

    return MemcachedStatus(
        stats.get("version", ""), number("curr_connections"), number("max_connections"), number("listen_disabled_num")
    )


_ASK = 'exec 3<>/dev/tcp/$0/$1 && printf "stats\\r\\nquit\\r\\n" >&3 && cat <&3'
