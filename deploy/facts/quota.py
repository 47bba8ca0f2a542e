"""Quota: how much of its limit on the size of its database one etcd member uses, from the metrics that it serves."""

from deploy.facts.etcd import AUTHORITY, MEMBER
from deploy.facts.limits import Use
from deploy.host import Reads


def read(host: Reads, address: str, port: int) -> Use | None:
    """Read the metrics of the member at that address from that host; None where it does not answer."""
    return parse(host.run("exec python3 -IS - %s %s", address, port, stdin=_METRICS, timeout=20).out)


def parse(metrics: str) -> Use | None:
    """Parse the text of `/metrics`: bytes of the database's file, and the quota; None where either is missing.

    Beyond the quota etcd accepts no more writes, until an operator compacts and defragments it and disarms the alarm.
    """
    values = dict(line.split(" ", 1) for line in metrics.splitlines() if line.startswith("etcd_") and " " in line)
    try:
        return Use(
            int(float(values["etcd_mvcc_db_total_size_in_bytes"])),
            int(float(values["etcd_server_quota_backend_bytes"])),
        )
    except (KeyError, ValueError, OverflowError):
        return None


_METRICS = f"""
import http.client, ssl, sys
context = ssl.create_default_context(cafile="{AUTHORITY}")
context.load_cert_chain("{MEMBER}")
member = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=5, context=context)
member.request("GET", "/metrics")
print(member.getresponse().read().decode())
"""
