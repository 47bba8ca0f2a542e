"""Quota: how much of its limit on the size of its database one etcd member uses, from the metrics that it serves."""

from deploy.facts.limits import Use


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
