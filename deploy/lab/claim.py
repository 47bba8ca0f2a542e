"""Whose the room is: the inventory that the lab's machines were made from is kept while they are."""

import os

from deploy.errors import LabError, StageMissing
from deploy.inventory import Cluster, load
from deploy.lab import names

IN_USE = names.STATE / "inventory.toml"


def current() -> Cluster | None:
    """The cluster whose lab is up, or was when its runner was switched off; None without a lab."""
    try:
        return load(IN_USE) if IN_USE.exists() else None
    except PermissionError:
        raise LabError(
            "the lab is root's",
            expected="root: its hosts are containers with networks and disks of their own",
            seen=f"user {os.geteuid()}, who may not read {IN_USE}",
            hint="run the same command as root (sudo -i), or name an inventory of real machines",
        ) from None


def require(cluster: Cluster) -> None:
    """Nothing where the cluster is of real machines; StageMissing where it is a lab, and not the one that is up."""
    standing = current() if cluster.lab is not None else cluster
    if standing is None or standing.name != cluster.name:
        raise StageMissing(
            f"the lab {cluster.name} is not up",
            seen=f"the lab {standing.name} is" if standing else "",
            hint="build it with `pytest -m deploy`, or bring up bare machines with `python -m deploy.lab up`; "
            "this run brings none up",
        )
