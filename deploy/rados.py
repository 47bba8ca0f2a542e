"""Ceph as it must be, by inventory and catalogue: its pools, and its accounts with their keys and rights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.catalogue import Catalogue
from deploy.inventory import Cluster
from deploy.secrets import Secrets

OWN = "stackproof"
"""The pool in which a build and the checks write and read."""
_EVERYTHING = dict.fromkeys(("mds", "mgr", "mon", "osd"), "allow *")


@dataclass(frozen=True)
class Pool:
    """One pool of the cluster."""

    name: str
    size: int
    min_size: int
    groups: int
    """Placement groups."""
    uses: tuple[str, ...]
    """Its applications, such as `rbd`."""


@dataclass(frozen=True)
class Account:
    """One account of the cluster: a client or a daemon. Its key is not shown."""

    key: str = field(repr=False)
    rights: Mapping[str, str]
    """What it may ask of each kind of daemon, in Ceph's words (`caps`)."""


def fsid(secrets: Secrets) -> str:
    """Return the UUID of a cluster's Ceph."""
    return secrets.uuid("ceph")


def pools(cluster: Cluster, catalogue: Catalogue) -> dict[str, Pool]:
    """Return the pools of all projects, and this tool's own, by name."""
    size, least = (3, 2) if len(cluster.role("storage")) > 1 else (1, 1)
    names = [pool for project in catalogue.projects for each in project.rbd for pool in each.pools]
    groups = cluster.tuned.placement_groups or 1
    own = Pool(OWN, size, least, min(groups, 8), (OWN,))
    return {OWN: own, **{name: Pool(name, size, least, groups, ("rbd",)) for name in names}}


def accounts(cluster: Cluster, catalogue: Catalogue, secrets: Secrets) -> dict[str, Account]:
    """Return the accounts of this tool, of the managers and of all projects' clients, by their names."""
    admin = {"client.admin": Account(secrets.cephx("ceph.admin"), _EVERYTHING)}
    rights = {"mds": "allow *", "mon": "allow profile mgr", "osd": "allow *"}
    managers = {f"mgr.{node.name}": Account(secrets.cephx("ceph.mgr"), rights) for node in cluster.role("storage")}
    clients = {
        f"client.{each.client}": Account(secrets.cephx(f"ceph.{each.client}"), each.rights)
        for project in catalogue.projects
        for each in project.rbd
    }
    return admin | managers | clients
