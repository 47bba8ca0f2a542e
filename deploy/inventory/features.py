"""Features: what a cluster has or lacks, each declared here once; catalogue, markers and overlays name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from deploy.inventory.power import Ipmi

if TYPE_CHECKING:  # the model asks these functions about itself
    from deploy.inventory.model import Cluster


@dataclass(frozen=True)
class Feature:
    """One feature: what it means for an operator, and whether a cluster has it."""

    meaning: str
    holds: Callable[[Cluster], bool]


FEATURES = {
    "ha": Feature("several controllers behind a VIP", lambda cluster: cluster.vip is not None),
    "fencing": Feature("Pacemaker can switch every controller's power", lambda cluster: cluster.fencing),
    "ipmi-fencing": Feature("it does so through an IPMI BMC", lambda cluster: cluster.fencing and _has_ipmi(cluster)),
    "tenant-networks": Feature("tenants have networks of their own", lambda c: c.options.tenant_networks),
    "second-compute": Feature("instances can move", lambda cluster: len(cluster.role("compute")) > 1),
    "router-health-check": Feature(
        "routers move where the gateway is silent",
        lambda c: c.options.tenant_networks and c.options.router_health_check,
    ),
}
"""By name."""


def of(cluster: Cluster) -> frozenset[str]:
    """The features that the cluster has."""
    return frozenset(name for name, feature in FEATURES.items() if feature.holds(cluster))


def unknown(names: Iterable[str]) -> list[str]:
    """Those of the names that no feature has."""
    return sorted(set(names) - set(FEATURES))


def _known(name: str) -> str:
    if name not in FEATURES:
        raise ValueError(f"no feature is named {name}; there are: {', '.join(FEATURES)}")
    return name


def _has_ipmi(cluster: Cluster) -> bool:
    return any(isinstance(node.power, Ipmi) for node in cluster.role("controller"))


FeatureName = Annotated[str, AfterValidator(_known)]
"""The name of a feature, checked where data is read."""
