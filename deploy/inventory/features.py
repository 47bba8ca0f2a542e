"""Features: properties of a cluster, declared once here, which catalogue entries, overlays and test markers name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from deploy.inventory.power import Ipmi

if TYPE_CHECKING:  # the model imports this module
    from deploy.inventory.model import Cluster


@dataclass(frozen=True)
class Feature:
    """One feature: its meaning for an operator, and a function that returns whether a cluster has it."""

    meaning: str
    holds: Callable[[Cluster], bool]
    lab: bool = True
    """False: the hosts of a lab, which are containers, cannot have it."""


FEATURES = {
    "ha": Feature("several controllers behind a VIP", lambda cluster: cluster.vip is not None),
    "tls": Feature("clients speak TLS with the VIP; without a VIP nothing ends TLS", lambda c: c.encrypted),
    "fencing": Feature("Pacemaker can switch every controller's power", lambda cluster: cluster.fencing),
    "ipmi-fencing": Feature(
        "Pacemaker switches power through an IPMI BMC", lambda cluster: cluster.fencing and _has_ipmi(cluster)
    ),
    "tenant-networks": Feature("tenants have networks of their own", lambda c: c.options.tenant_networks),
    "second-compute": Feature("instances can move", lambda cluster: len(cluster.role("compute")) > 1),
    "router-health-check": Feature(
        "routers move away from a node that gets no answer from the gateway",
        lambda c: c.options.tenant_networks and c.options.router_health_check,
    ),
    "way-out": Feature(
        "nodes reach other networks through a controller, with its address",
        lambda c: bool(c.options.way_out),
    ),
    "ceph": Feature(
        "images, volumes and disks of instances are in Ceph", lambda c: "ceph" in (c.services.chosen or ())
    ),
    "lvm": Feature("volumes are in LVM on the storage nodes", lambda c: c.backend == "lvm", lab=False),
    "nfs": Feature("volumes are files in NFS exports", lambda c: c.backend == "nfs", lab=False),
    "volumes": Feature(
        "volumes have a place: ceph in services.chosen, or lvm or nfs in cinder.backend", lambda c: bool(c.backend)
    ),
}
"""Every feature by name."""


def of(cluster: Cluster) -> frozenset[str]:
    """Return the names of the cluster's features."""
    return frozenset(name for name, feature in FEATURES.items() if feature.holds(cluster))


def unknown(names: Iterable[str]) -> list[str]:
    """Return the names that are no features, sorted."""
    return sorted(set(names) - set(FEATURES))


def _known(name: str) -> str:
    if name not in FEATURES:
        raise ValueError(f"no feature is named {name}; the features are: {', '.join(FEATURES)}")
    return name


def _has_ipmi(cluster: Cluster) -> bool:
    return any(isinstance(node.power, Ipmi) for node in cluster.role("controller"))


FeatureName = Annotated[str, AfterValidator(_known)]
"""The name of a feature, which pydantic checks."""
