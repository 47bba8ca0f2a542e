"""Galera: the state of one member, as the member itself tells it."""

from dataclasses import dataclass
from functools import lru_cache

from deploy.host import Reads

NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class GaleraStatus:
    """One member's view. An empty `state`: the database did not answer."""

    state: str = ""
    size: int = 0
    primary: bool = False
    ready: bool = False
    uuid: str = ""
    protocol: str = ""
    receiving: int = 0
    """Write sets received and not yet applied."""
    paused: float = 0.0
    """The part of the time that flow control held all members back."""
    is_pausing: bool = False
    """It holds them back now."""

    @property
    def synced(self) -> bool:
        """The member takes part and may serve."""
        return self.state == "Synced" and self.primary and self.ready

    @property
    def inconsistent(self) -> bool:
        """The member left because its data differs: it will not come back by itself."""
        return self.state == "Inconsistent"


@dataclass(frozen=True)
class Saved:
    """What a member's disk says of its last time in a cluster (grastate.dat), and whether it runs."""

    there: bool = False
    """False: the member's disk says nothing, not even an empty file."""
    uuid: str = ""
    seqno: int = -1
    safe_to_bootstrap: bool = False
    running: bool = False

    @property
    def born(self) -> bool:
        """True once the member may have been part of a cluster; a file that a crash left empty does not tell."""
        return self.there and self.uuid != NO_UUID


def status(host: Reads) -> GaleraStatus:
    """Ask the member on that host."""
    # A member that hangs, as one does that was told to end while it looks for the others, does not answer either.
    result = host.run("timeout -k 1 8 mariadb -N -B", stdin="SHOW GLOBAL STATUS LIKE 'wsrep\\_%'", timeout=20)
    return parse_status(result.out) if result.ok else GaleraStatus()


def parse_status(text: str) -> GaleraStatus:
    """`SHOW STATUS` as tab-separated lines."""
    fields = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return GaleraStatus(
        state=fields.get("wsrep_local_state_comment", ""),
        size=_number(fields.get("wsrep_cluster_size", "")),
        primary=fields.get("wsrep_cluster_status") == "Primary",
        ready=fields.get("wsrep_ready") == "ON",
        uuid=fields.get("wsrep_cluster_state_uuid", ""),
        protocol=fields.get("wsrep_protocol_version", ""),
        receiving=_number(fields.get("wsrep_local_recv_queue", "")),
        paused=_part(fields.get("wsrep_flow_control_paused", "")),
        is_pausing=fields.get("wsrep_flow_control_active") == "true",
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _part(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def variables(host: Reads) -> dict[str, str]:
    """What the member on that host runs with, by name; nothing where it does not answer."""
    return parse_variables(host.run("mariadb -N -B", stdin="SHOW GLOBAL VARIABLES", timeout=20).out)


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_variables(text: str) -> dict[str, str]:
    """`SHOW VARIABLES` as tab-separated lines."""
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)


def wrote(host: Reads) -> str:
    """Write on that host's member: the one row of ours, in our own table. Returns what was written, a time.

    Whoever reads this time or a later one from another member has read this write.
    """
    text = f"{_WRITE}; {_WRITTEN}"
    return host.check("mariadb -N -B", stdin=text, timeout=20).strip()


def written(host: Reads) -> str:
    """Read it on that host's member, once this one has applied all that was committed before."""
    text = f"SET SESSION wsrep_sync_wait=1; {_WRITTEN}"
    return host.check("mariadb -N -B", stdin=text, timeout=20).strip()


_WRITE = "REPLACE INTO stackproof.migrations VALUES ('write check', NOW(6))"
_WRITTEN = "SELECT version FROM stackproof.migrations WHERE name='write check'"


def saved(host: Reads, unit: str) -> Saved:
    """Read what the member's disk says; CommandFailed where it cannot be read, which is not the same as absent.

    `unit`: the member's unit.
    """
    return parse_saved(host.check(_SAVED, unit))


def parse_saved(text: str) -> Saved:
    """`file: there` and grastate.dat, if there is one, followed by `unit: <state>`."""
    fields = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            fields[key.strip()] = value.strip()
    seqno = fields.get("seqno", "-1")
    return Saved(
        there=fields.get("file") == "there",
        uuid=fields.get("uuid", ""),
        seqno=int(seqno) if seqno.removeprefix("-").isdecimal() else -1,
        safe_to_bootstrap=fields.get("safe_to_bootstrap") == "1",
        running=fields.get("unit") in {"active", "activating"},
    )


_SAVED = """set -e
file=/var/lib/mysql/grastate.dat
if [ -e $file ]; then echo 'file: there'; cat $file; echo; fi
systemctl is-active %s | sed 's/^/unit: /'
"""
