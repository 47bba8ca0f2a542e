"""HAProxy: the state of every backend server, as reported by the HAProxy on one host."""

import csv
from dataclasses import dataclass
from functools import lru_cache

from deploy.host import Reads

SOCKET = "/run/haproxy/admin.sock"
_WAIT = 4
"""Seconds for HAProxy's answer. By itself socat waits for half a second once it has sent the question, and a busy
HAProxy takes longer now and then."""


def servers(host: Reads) -> dict[tuple[str, str], str]:
    """Return the state of each server by (proxy, server); empty where HAProxy does not answer."""
    return parse(statistics(host))


def statistics(host: Reads) -> str:
    """Return the CSV of `show stat`; empty where HAProxy does not answer."""
    return ask(host, "show stat")


def ask(host: Reads, command: str) -> str:
    """Return the answer of the HAProxy of that host to a command; empty where it does not answer."""
    return host.run(f"timeout -k 1 6 socat -t {_WAIT} - UNIX-CONNECT:{SOCKET}", stdin=f"{command}\n").out


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[tuple[str, str], str]:
    """Parse the CSV of `show stat`; frontends and backends are left out."""
    rows = csv.DictReader(text.strip().removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"]): row["status"]
        for row in rows
        if row.get("status") and row.get("svname") not in {"FRONTEND", "BACKEND", None}
    }


@dataclass(frozen=True)
class Target:
    """The address of one server, and its weight, as HAProxy uses them now; `configured`: the weight in its file."""

    address: str
    port: str
    weight: str
    configured: str

    def __str__(self) -> str:
        return f"{self.address}:{self.port}, weight {self.weight} instead of {self.configured}"


def targets(host: Reads) -> dict[tuple[str, str], Target]:
    """Return the target of each server by (proxy, server); empty where HAProxy does not answer."""
    return parse_targets(ask(host, "show servers state"))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_targets(text: str) -> dict[tuple[str, str], Target]:
    """Parse `show servers state`: the version of its format, the columns' names after `#`, and a line per server."""
    head, _, rows = text.partition("# ")[2].partition("\n")
    entries = [dict(zip(head.split(), row.split(), strict=False)) for row in rows.splitlines() if row.strip()]
    return {
        (entry["be_name"], entry["srv_name"]): Target(
            entry.get("srv_addr", ""), entry["srv_port"], entry["srv_uweight"], entry["srv_iweight"]
        )
        for entry in entries
        if {"be_name", "srv_name", "srv_port", "srv_uweight", "srv_iweight"} <= entry.keys()
    }
