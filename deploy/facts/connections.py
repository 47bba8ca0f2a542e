"""Connections: those of MariaDB and HAProxy on one host, and the limits on them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from deploy.facts import haproxy
from deploy.facts.limits import Use
from deploy.host import Reads


@dataclass(frozen=True)
class Database:
    """The connections of one MariaDB. `now` is None where it did not answer in 8 s."""

    now: Use | None = None
    most: Use | None = None
    """The most at one time since its start, or since the last FLUSH STATUS."""
    refused: int = 0
    """How often since then a client was refused because of max_connections."""
    accounts: Mapping[str, Use] = field(default_factory=dict)
    """Those of each account that has a limit of its own (max_user_connections), by the account's name."""


def database(host: Reads) -> Database:
    """Query the MariaDB of that host, as root: one connection beyond max_connections is kept for it."""
    return parse_database(host.run("timeout -k 1 8 mariadb -N -B", stdin=_DATABASE, timeout=20).out)


def parse_database(text: str) -> Database:
    """Parse tab-separated lines of name and value, and of `account`, name and number; `Database()` for other text."""
    rows = [line.split("\t") for line in text.splitlines()]
    values = {row[0].lower(): int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
    open_, limits = ({row[1]: int(row[2]) for row in rows if row[0] == kind} for kind in ("open", "limit"))
    if not {"threads_connected", "max_used_connections", "connection_errors_max_connections"} <= values.keys():
        return Database()
    allowed, common = values.get("max_connections", 0), values.get("max_user_connections", 0)
    own = {name: limits.get(name, common) for name in {*open_, *limits}}
    return Database(
        Use(values["threads_connected"], allowed),
        Use(values["max_used_connections"], allowed),
        values["connection_errors_max_connections"],
        {name: Use(open_.get(name, 0), most) for name, most in sorted(own.items()) if most},
    )


@dataclass(frozen=True)
class Proxy:
    """The connections of one HAProxy. `whole` is None where it did not answer."""

    whole: Use | None = None
    """Connections of all clients, and the limit of the process."""
    frontends: Mapping[str, Use] = field(default_factory=dict)
    """Connections of clients by proxy."""
    waiting: Mapping[str, Use] = field(default_factory=dict)
    """Requests that wait for a member, by proxy, against those that all its members may work on at one time.

    Proxies with a member that has no limit are left out: no request waits there.
    """


def proxy(host: Reads) -> Proxy:
    """Query the HAProxy of that host at its socket."""
    return parse_proxy(haproxy.ask(host, "show info"), haproxy.statistics(host))


@lru_cache(maxsize=32)  # two checks read the same answer
def parse_proxy(info: str, statistics: str) -> Proxy:
    """Parse `show info`, and the CSV of `show stat`; `Proxy()` where either is something else."""
    fields = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    rows = list(csv.DictReader(statistics.strip().removeprefix("# ").splitlines()))
    whole = _use(fields.get("CurrConns"), fields.get("Maxconn"))
    frontends = {row["pxname"]: _use(row["scur"], row["slim"]) for row in rows if row.get("svname") == "FRONTEND"}
    if whole is None or not frontends:
        return Proxy()
    return Proxy(whole, {name: use for name, use in frontends.items() if use}, _waiting(rows))


def _waiting(rows: list[dict[str, str]]) -> dict[str, Use]:
    limits: dict[str, list[str]] = {}
    for row in rows:
        if row["svname"] not in {"FRONTEND", "BACKEND"}:
            limits.setdefault(row["pxname"], []).append(row["slim"])
    return {
        row["pxname"]: Use(int(row["qcur"]), sum(map(int, limits[row["pxname"]])))
        for row in rows
        if row["svname"] == "BACKEND" and row["qcur"] and all(limits.get(row["pxname"], [""]))
    }


def _use(used: str | None, allowed: str | None) -> Use | None:
    return Use(int(used), int(allowed)) if used and allowed and (used + allowed).isdecimal() else None


_DATABASE = """
SHOW GLOBAL STATUS WHERE Variable_name IN
  ('Threads_connected', 'Max_used_connections', 'Connection_errors_max_connections');
SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', 'max_user_connections');
SELECT 'open', user, COUNT(*) FROM information_schema.processlist GROUP BY user;
SELECT 'limit', user, MIN(max_user_connections) FROM mysql.user WHERE max_user_connections > 0 GROUP BY user;
"""
