"""Whose the room is: the inventory that the lab's machines were made from is kept while they are."""

import os

from deploy.errors import LabError
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
