"""The configuration that a build gives Pacemaker: the part of each step, and of the whole cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from deploy.catalogue import Catalogue
from deploy.cib import fencing
from deploy.cib.elements import FORGOTTEN, primitive, units
from deploy.inventory import Cluster


@dataclass(frozen=True)
class Part:
    """Elements of the CIB's sections `resources` and `constraints`, and cluster properties by name."""

    resources: tuple[Element, ...] = ()
    constraints: tuple[Element, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


def part(cluster: Cluster, catalogue: Catalogue, step: str) -> Part:
    """Return what one step sets; an empty Part for a step without anything in Pacemaker."""
    clones = tuple(units(catalogue.step(step)))
    match step:
        case "pacemaker":
            controllers = cluster.role("controller") if cluster.fencing else ()
            devices, elsewhere = map(fencing.device, controllers), map(fencing.elsewhere, controllers)
            return Part((*clones, *devices), tuple(elsewhere), properties(cluster))
        case "vip":
            return Part((*clones, address(cluster)), (away_from_dc(),))
        case "haproxy":
            return Part(clones, with_haproxy())
    return Part(clones)


def whole(cluster: Cluster, catalogue: Catalogue) -> Part:
    """Return what all steps of a cluster set."""
    parts = [part(cluster, catalogue, project.name) for project in catalogue.projects]
    return Part(
        tuple(element for each in parts for element in each.resources),
        tuple(element for each in parts for element in each.constraints),
        {name: value for each in parts for name, value in each.properties.items()},
    )


def properties(cluster: Cluster) -> dict[str, str]:
    """Return the cluster properties."""
    return {
        "stonith-enabled": "true" if cluster.fencing else "false",
        "stonith-timeout": "60s",
        # No throttling of recovery on busy machines: after a failure the remaining machines are busy.
        "load-threshold": "0%",
        # A returning member starts a dozen services, each of which takes a CPU for seconds. Two at a time leave CPU
        # time for the services that already serve.
        "node-action-limit": "2",
        # A start may time out where all hosts boot at once; it counts as one of the allowed failures. As a fatal one it
        # kept Nova's conductor down for six minutes after two controllers had lost their power.
        "start-failure-is-fatal": "false",
        "no-quorum-policy": "stop",
        # The loss of a member causes several updates of the CIB. If Pacemaker 2.1.5 schedules between two of them, it
        # sleeps for 1 s before it schedules again (controld_schedulerd.c: "other peer updates still pending"). With the
        # delay it schedules 0.1 s after the last update.
        "transition-delay": "100ms",
        # Pacemaker notices a failure within the transition that started the unit at its recheck (elements.FORGOTTEN).
        "cluster-recheck-interval": "20s",
    }


def address(cluster: Cluster) -> Element:
    """Return the VIP as a resource, with a monitor interval that fits the budgets."""
    network = cluster.network("public")
    parameters = {"ip": str(cluster.vip), "cidr_netmask": str(network.cidr.prefixlen), "nic": network.interface}
    return primitive("vip", "ocf:heartbeat:IPaddr2", parameters, monitor="5s", timeout=20, forgotten=FORGOTTEN)


def away_from_dc() -> Element:
    """Return a constraint that prefers other members than the DC (Pacemaker's designated controller) for the VIP.

    The loss of a host that has both costs an election first: 1.3 s more without the VIP, of which 1 s was a sleep that
    transition-delay now avoids. The score is below the stickiness (100), so that the VIP does not move because its host
    becomes the DC.
    """
    constraint = Element("rsc_location", id="vip-away-from-dc", rsc="vip")
    rule = SubElement(constraint, "rule", id="vip-away-from-dc-rule", score="-50")
    SubElement(rule, "expression", id="vip-away-from-dc-is", attribute="#is_dc", operation="eq", value="true")
    return constraint


def with_haproxy() -> tuple[Element, Element]:
    """Return the constraints that let the VIP run only beside a running HAProxy."""
    together = Element("rsc_colocation", id="vip-with-haproxy", rsc="vip", score="INFINITY")
    together.set("with-rsc", "haproxy-clone")
    order = Element("rsc_order", id="haproxy-then-vip", first="haproxy-clone", then="vip", kind="Optional")
    return together, order
