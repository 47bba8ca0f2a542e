"""Fencing: the fence device of each controller, by what its power device speaks."""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from deploy.inventory import Node
from deploy.inventory.power import Ipmi, Redfish
from deploy.making import resources

SCRIPTS = "/etc/stackproof/fence"
"""Where each controller has the passwords of all, as scripts; see templates/fence."""


def device(node: Node) -> Element:
    """The stonith resource that switches a node. ValueError for a power device Pacemaker has no agent for."""
    match node.power:
        case Redfish() as power:
            agent, parameters = "fence_redfish", _redfish(node.name, power)
        case Ipmi() as power:
            agent, parameters = "fence_ipmilan", _ipmi(node.name, power)
        case _:
            raise ValueError(f"{node.name} has no power device that Pacemaker can use")
    parameters["pcmk_host_list"] = node.name
    return resources.primitive(name(node), f"stonith:{agent}", parameters, monitor="60s")


def elsewhere(node: Node) -> Element:
    """A node does not hold its own fence device: it could not use it when it is needed."""
    device = name(node)
    return Element("rsc_location", id=f"{device}-elsewhere", rsc=device, node=node.name, score="-INFINITY")


def name(node: Node) -> str:
    """The name of a node's fence device in Pacemaker."""
    return f"fence-{node.name}"


def _redfish(name: str, power: Redfish) -> dict[str, str]:
    url = urlsplit(power.url)
    parameters = {
        "ip": url.hostname or "",
        "ipport": str(url.port or 443),
        "systems_uri": url.path,
        "username": power.user,
        "password_script": f"{SCRIPTS}/{name}",
    }
    return parameters if power.verify_tls else {**parameters, "ssl_insecure": "1"}


def _ipmi(name: str, power: Ipmi) -> dict[str, str]:
    parameters = {
        "ip": power.address,
        "ipport": str(power.port),
        "username": power.user,
        "lanplus": "1",
        # No password: the agent would give it to ipmitool as an argument. This one takes it from its script.
        "ipmitool_path": f"{SCRIPTS}/{name}.ipmitool",
    }
    return parameters if power.cipher is None else {**parameters, "cipher": str(power.cipher)}
