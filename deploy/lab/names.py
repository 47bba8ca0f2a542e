"""Where the lab keeps its things, and what it calls them: every path and name that `down` must find again."""

import hashlib
import os
from pathlib import Path

from deploy.inventory import Cluster, Network

STATE = Path("/var/lib/stackproof/lab")
CACHE = Path(os.environ.get("STACKPROOF_CACHE", "/var/cache/stackproof"))
LOCK = Path("/run/stackproof-lab.lock")
HOSTS = STATE / "hosts"
ROOM = "sp-room"
PREFIX = "sp-"
MARK = "stackproof"
"""Alias of the runner's interfaces, name of the nftables table and of the parent control group."""
_SHORT = {"management": "mgmt", "provider": "prov"}
_LONGEST_LINK = 15


def short(name: str, limit: int) -> str:
    """The name itself where it fits in `limit` characters; else cut, with a hash that keeps it unique."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:5]
    return f"{name[: limit - 5]}{digest}"


def netns(node: str) -> str:
    """The network namespace of a host."""
    return f"{PREFIX}{node}"


def runner_link(network: str) -> str:
    """The runner's own interface on a network."""
    return PREFIX + short(_SHORT.get(network, network), _LONGEST_LINK - len(PREFIX))


def bridge(network: str) -> str:
    """The bridge of a network, inside the room's namespace."""
    return "br-" + short(_SHORT.get(network, network), _LONGEST_LINK - 3)


def cable(cluster: Cluster, node: str, network: Network) -> str:
    """The outer end of a host's interface, inside the room's namespace: what a power cut removes."""
    number = str(list(cluster.networks).index(network.name))
    return f"{short(node, _LONGEST_LINK - 1 - len(number))}.{number}"


def mac(cluster: Cluster, node: str, network: Network) -> str:
    """The address of a host's interface: the same after every power cycle, as a real card's is."""
    digest = hashlib.sha256(f"{cluster.name}/{node}/{network.name}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def home(node: str) -> Path:
    """The directory of a host on the runner."""
    return HOSTS / node


def root(node: str) -> Path:
    """Where a host's root file system is mounted on the runner."""
    return home(node) / "root"


def console(node: str) -> Path:
    """What a host writes to its console."""
    return home(node) / "console.log"


def ticket(node: str) -> Path:
    """Names the boot that is under way, so that the end of an older one is not taken for its end."""
    return home(node) / "boot"
