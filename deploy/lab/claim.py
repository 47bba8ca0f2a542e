"""The inventory of the lab that is up: kept on disk as long as the lab's hosts exist."""

import os

from deploy.errors import LabError, StageMissing
from deploy.inventory import Cluster, load
from deploy.lab import names

IN_USE = names.STATE / "inventory.toml"


def current() -> Cluster | None:
    """Return the cluster of the lab that is up, or was up when the runner went down; None without a lab."""
    try:
        return load(IN_USE) if IN_USE.exists() else None
    except PermissionError:
        raise LabError(
            "the lab is root's",
            expected="user root: the lab's hosts are containers with their own networks and disks",
            seen=f"user {os.geteuid()}, without permission to read {IN_USE}",
            hint="run the same command as root (sudo -i), or name an inventory of real machines",
        ) from None


def require(cluster: Cluster) -> None:
    """Raise StageMissing where the cluster is a lab that is not up with its hosts; real machines always pass."""
    standing = current() if cluster.lab is not None else cluster
    if standing is None or standing.name != cluster.name:
        raise StageMissing(
            f"the lab {cluster.name} is not up",
            seen=f"the lab {standing.name} is up" if standing else "",
            hint="build it with `pytest -m deploy`, or bring up bare machines with `python -m deploy.lab up`; "
            "this run does not bring up a lab",
        )
    if missing := without(cluster, standing):
        raise StageMissing(
            f"the lab {cluster.name} is up without {', '.join(missing)}",
            expected=f"the hosts of {cluster.source}",
            seen=", ".join(node.name for node in standing.nodes),
            hint="`pytest -m deploy` with this inventory adds them; or name the inventory of the lab that is up",
        )
    if more := without(standing, cluster):
        raise StageMissing(
            f"the lab {cluster.name} is up with other hosts: {', '.join(more)}",
            expected=f"the hosts of {cluster.source}",
            hint="name the inventory of the lab that is up; or turn the other hosts off, and `pytest -m deploy` with "
            "this inventory removes them, as machines that are lost for good",
        )


def without(cluster: Cluster, other: Cluster) -> list[str]:
    """Return the hosts of a cluster that another one does not have at the same addresses."""
    there = {node.name: node.addresses for node in other.nodes}
    return [node.name for node in cluster.nodes if there.get(node.name) != node.addresses]
