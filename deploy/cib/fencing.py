"""Fencing: the fence device of each controller, for the protocol of its power device."""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from deploy.cib.elements import primitive
from deploy.inventory import Node
from deploy.inventory.power import Ipmi, Redfish

SCRIPTS = "/etc/stackproof/fence"
"""Folder on each controller with scripts that print all controllers' power passwords (templates/fence)."""


def device(node: Node) -> Element:
    """Return the stonith resource that powers off a node; ValueError where Pacemaker has no agent for its device."""
    match node.power:
        case Redfish() as power:
            agent, parameters = "fence_redfish", _redfish(node.name, power)
        case Ipmi() as power:
            agent, parameters = "fence_ipmilan", _ipmi(node.name, power)
        case _:
            raise ValueError(f"{node.name} has no power device that Pacemaker can use")
    parameters["pcmk_host_list"] = node.name
    return primitive(name(node), f"stonith:{agent}", parameters, monitor="60s")


def elsewhere(node: Node) -> Element:
    """Return a constraint that keeps a node's fence device off the node: a failed node cannot fence itself."""
    device = name(node)
    return Element("rsc_location", id=f"{device}-elsewhere", rsc=device, node=node.name, score="-INFINITY")


def name(node: Node) -> str:
    """Return the name of a node's fence device in Pacemaker."""
    return f"fence-{node.name}"


def _redfish(name: str, power: Redfish) -> dict[str, str]:
    url = urlsplit(power.url)
    parameters = {
        "ip": url.hostname or "",
        "ipport": str(url.port or (443 if url.scheme == "https" else 80)),
        "systems_uri": url.path,
        "username": power.user,
        "password_script": f"{SCRIPTS}/{name}",
    }
    if url.scheme == "http":
        return {**parameters, "ssl": "0"}
    return parameters if power.verify_tls else {**parameters, "ssl_insecure": "1"}


def _ipmi(name: str, power: Ipmi) -> dict[str, str]:
    parameters = {
        "ip": power.address,
        "ipport": str(power.port),
        "username": power.user,
        "lanplus": "1",
        # No password: the agent would pass it to ipmitool as an argument. This wrapper reads it from the script.
        "ipmitool_path": f"{SCRIPTS}/{name}.ipmitool",
    }
    return parameters if power.cipher is None else {**parameters, "cipher": str(power.cipher)}
