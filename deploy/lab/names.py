"""Paths and names of everything the lab creates, so that `down` can find and remove it."""

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
"""The alias of the runner's interfaces, and the name of the nftables table and of the parent control group."""
_SHORT = {"management": "mgmt", "provider": "prov"}
_LONGEST_LINK = 15


def short(name: str, limit: int) -> str:
    """Return the name, cut to `limit` characters with a hash of five digits at its end where it is longer."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:5]
    return f"{name[: limit - 5]}{digest}"


def netns(node: str) -> str:
    """Return the name of a host's network namespace."""
    return f"{PREFIX}{node}"


def runner_link(network: str) -> str:
    """Return the name of the runner's interface on a network."""
    return PREFIX + short(_SHORT.get(network, network), _LONGEST_LINK - len(PREFIX))


def bridge(network: str) -> str:
    """Return the name of a network's bridge, inside the room's namespace."""
    return "br-" + short(_SHORT.get(network, network), _LONGEST_LINK - 3)


def cable(cluster: Cluster, node: str, network: Network) -> str:
    """Return the name of the outer end of a host's interface, inside the room's namespace; a power cut removes it."""
    number = str(list(cluster.networks).index(network.name))
    return f"{short(node, _LONGEST_LINK - 1 - len(number))}.{number}"


def mac(cluster: Cluster, node: str, network: Network) -> str:
    """Return the MAC address of a host's interface; it stays the same over power cycles, like a real card's."""
    digest = hashlib.sha256(f"{cluster.name}/{node}/{network.name}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def home(node: str) -> Path:
    """Return the directory of a host on the runner."""
    return HOSTS / node


def root(node: str) -> Path:
    """Return the mount point of a host's root file system on the runner."""
    return home(node) / "root"


def console(node: str) -> Path:
    """Return the log file of a host's console."""
    return home(node) / "console.log"


def ticket(node: str) -> Path:
    """Return the file that holds the number of the current boot, so that the end of an older boot is ignored."""
    return home(node) / "boot"
