"""HAProxy: the state of every backend server, as reported by the HAProxy on one host."""

import csv
from functools import lru_cache

from deploy.host import Reads

SOCKET = "/run/haproxy/admin.sock"


def servers(host: Reads) -> dict[tuple[str, str], str]:
    """Return the state of each server by (proxy, server); empty where HAProxy does not answer."""
    return parse(statistics(host))


def statistics(host: Reads) -> str:
    """Return the CSV of `show stat`; empty where HAProxy does not answer."""
    return host.run(f"socat - UNIX-CONNECT:{SOCKET}", stdin="show stat\n").out


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[tuple[str, str], str]:
    """Parse the CSV of `show stat`; frontends and backends are left out."""
    rows = csv.DictReader(text.strip().removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"]): row["status"]
        for row in rows
        if row.get("status") and row.get("svname") not in {"FRONTEND", "BACKEND", None}
    }
