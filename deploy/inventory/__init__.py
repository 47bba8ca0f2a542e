"""The inventory: what machines there are, as frozen data read from TOML and checked as a whole."""

from deploy.inventory.model import (
    Capacity,
    Ceph,
    Certificate,
    Cinder,
    Cluster,
    Flavor,
    Image,
    Lab,
    Network,
    Node,
    Options,
    Role,
    Services,
    Ssh,
)
from deploy.inventory.read import BUILT_IN, PLATFORMS, load, parse

__all__ = [
    "BUILT_IN",
    "PLATFORMS",
    "Capacity",
    "Ceph",
    "Certificate",
    "Cinder",
    "Cluster",
    "Flavor",
    "Image",
    "Lab",
    "Network",
    "Node",
    "Options",
    "Role",
    "Services",
    "Ssh",
    "load",
    "parse",
]
