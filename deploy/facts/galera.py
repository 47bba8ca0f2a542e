"""Galera: the state of one member, as the member itself reports it."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from deploy.errors import CommandFailed
from deploy.facts.ended import END, whole
from deploy.host import Reads

NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class GaleraStatus:
    """The status variables of one member. An empty `state`: the database did not answer."""

    state: str = ""
    size: int = 0
    primary: bool = False
    ready: bool = False
    uuid: str = ""
    protocol: str = ""
    receiving: int = 0
    """Write sets received and not yet applied."""
    paused: float = 0.0
    """The fraction of the time during which flow control paused all members."""
    is_pausing: bool = False
    """True where flow control pauses all members now."""

    @property
    def synced(self) -> bool:
        """True where the member is synced, in the primary component, and ready for queries."""
        return self.state == "Synced" and self.primary and self.ready

    @property
    def inconsistent(self) -> bool:
        """True where the member left because its data differs; it does not rejoin by itself."""
        return self.state == "Inconsistent"


@dataclass(frozen=True)
class Saved:
    """The state that a member saved on its disk (grastate.dat), and whether its unit runs."""

    there: bool = False
    """True where grastate.dat exists, even if it is empty."""
    uuid: str = ""
    seqno: int = -1
    safe_to_bootstrap: bool = False
    running: bool = False

    @property
    def born(self) -> bool:
        """True where the member may have been part of a cluster. A file that a crash emptied counts as true."""
        return self.there and self.uuid != NO_UUID


def status(host: Reads) -> GaleraStatus:
    """Return the status of the member on that host; `GaleraStatus()` where the member does not answer in 8 s."""
    # A member that is stopped while it searches for its peers accepts the connection and never answers.
    result = host.run("timeout -k 1 8 mariadb -N -B", stdin="SHOW GLOBAL STATUS LIKE 'wsrep\\_%'", timeout=20)
    return parse_status(result.out) if result.ok else GaleraStatus()


def parse_status(text: str) -> GaleraStatus:
    """Parse the tab-separated lines of `SHOW STATUS`."""
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
    """Return the system variables of the member on that host; an empty dict where the member does not answer."""
    return parse_variables(host.run("mariadb -N -B", stdin="SHOW GLOBAL VARIABLES", timeout=20).out)


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_variables(text: str) -> dict[str, str]:
    """Parse the tab-separated lines of `SHOW VARIABLES`."""
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)


def allowed(host: Reads) -> tuple[str, ...]:
    """Return the addresses that may join the cluster, sorted; an empty tuple lets everybody join.

    CommandFailed where the member does not answer.
    """
    text = host.check("mariadb -N -B", stdin=_ALLOWED, timeout=20)
    return tuple(sorted(whole(host, "Galera's allow list", text).split()))


_ALLOWED = f"SELECT ip FROM mysql.wsrep_allowlist; SELECT '{END}'"  # noqa: S608 - a constant


def forgotten(host: Reads) -> tuple[str, ...]:
    """Return each transaction on that member that holds locks and has had no statement for IDLE seconds, as a text.

    CommandFailed where the member does not answer.
    """
    text = host.check("mariadb -N -B", stdin=_FORGOTTEN, timeout=20)
    return parse_forgotten(whole(host, "MariaDB's transactions", text))


@lru_cache(maxsize=32)
def parse_forgotten(text: str) -> tuple[str, ...]:
    """Parse rows of connection, account, client, seconds without a statement, and rows that are locked."""
    rows = (line.split("\t") for line in text.splitlines() if line.count("\t") == 4)
    return tuple(
        f"connection {identifier} of {user} from {client}: {idle} s without a statement, {locked} rows locked"
        for identifier, user, client, idle, locked in rows
    )


IDLE = 15
"""Seconds; a service commits within one. A client that is gone is given up after 10 s (tcp-ut in haproxy.cfg)."""
_FORGOTTEN = f"""SELECT p.id, p.user, p.host, p.time, t.trx_rows_locked
  FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
  WHERE p.command = 'Sleep' AND p.time >= {IDLE} AND t.trx_rows_locked + t.trx_rows_modified > 0;
SELECT '{END}'"""  # noqa: S608 - two constants


def write_check(host: Reads) -> datetime:
    """Write the current time into this tool's own table through the member on that host; return that time.

    Another member that returns this time or a later one has applied the write. CommandFailed without a time.
    """
    return _time(host, f"{_WRITE}; {_WRITTEN}")


def read_check(host: Reads) -> datetime:
    """Return the time that `write_check` wrote, once the member on that host has applied all earlier commits.

    CommandFailed without a time.
    """
    return _time(host, f"SET SESSION wsrep_sync_wait=1; {_WRITTEN}")


def _time(host: Reads, text: str) -> datetime:
    seen = host.check("mariadb -N -B", stdin=text, timeout=20).strip()
    try:
        return datetime.fromisoformat(seen)
    except ValueError:
        raise CommandFailed(f"{host.name}: MariaDB: not known", expected="a time", seen=seen or "no answer") from None


_WRITE = "REPLACE INTO stackproof.migrations VALUES ('write check', NOW(6))"
_WRITTEN = "SELECT version FROM stackproof.migrations WHERE name='write check'"


def saved(host: Reads, unit: str) -> Saved:
    """Read grastate.dat on that host and the state of `unit`; CommandFailed where an existing file cannot be read."""
    return parse_saved(host.check(_SAVED, unit))


def parse_saved(text: str) -> Saved:
    """Parse `file: there` and grastate.dat where the file exists, then `unit: <state>`."""
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


@dataclass(frozen=True)
class Override:
    """One system variable that a client set with SET GLOBAL, and its default."""

    value: str
    default: str


def by_hand(host: Reads) -> dict[str, Override] | None:
    """Return the variables that differ from their default because of SET GLOBAL; None without an answer."""
    return parse_by_hand(host.run("timeout -k 1 8 mariadb -N -B", stdin=_BY_HAND, timeout=20).out)


def parse_by_hand(text: str) -> dict[str, Override] | None:
    """Parse rows of variable, value and default after a line `answered`; None where that line is missing."""
    first, *rows = text.splitlines() or [""]
    if first != "answered":
        return None
    cells = (row.split("\t") for row in rows)
    return {cell[0].lower(): Override(cell[1], cell[2]) for cell in cells if len(cell) == 3}


_BY_HAND = """SELECT 'answered';
SELECT variable_name, global_value, default_value FROM information_schema.system_variables
WHERE global_value_origin = 'SQL' AND NOT global_value <=> default_value;
"""
