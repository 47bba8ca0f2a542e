"""HAProxy: the state of every server behind it, as the one on that host sees it."""

import csv
from functools import lru_cache

from deploy.host import Reads

SOCKET = "/run/haproxy/admin.sock"


def servers(host: Reads) -> dict[tuple[str, str], str]:
    """The state of each server, by proxy and server; nothing where HAProxy does not answer."""
    return parse(host.run(f"socat - UNIX-CONNECT:{SOCKET}", stdin="show stat\n").out)


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[tuple[str, str], str]:
    """`show stat`: comma-separated values under a line of names."""
    rows = csv.DictReader(text.strip().removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"]): row["status"]
        for row in rows
        if row.get("status") and row.get("svname") not in {"FRONTEND", "BACKEND", None}
    }
