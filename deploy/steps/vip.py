"""VIP: the address of all clients, on exactly one controller."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement

from deploy.catalogue import Project
from deploy.facts import interfaces
from deploy.finding import Finding
from deploy.making import amiss as findings
from deploy.making import ordinary, resources
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step

PLACED = 80.0
"""Seconds until Pacemaker has started the VIP on one controller, 20 of them until no other has the address."""


def complete(site: Site) -> None:
    """Make the VIP a resource with a monitor interval that fits the budgets."""
    network = site.cluster.management
    parameters = {
        "ip": str(site.cluster.vip),
        "cidr_netmask": str(network.cidr.prefixlen),
        "nic": network.interface,
    }
    address = resources.primitive(
        "vip", "ocf:heartbeat:IPaddr2", parameters, monitor="5s", timeout=20, forgotten=resources.FORGOTTEN
    )
    resources.ensure(site, resources=[address], constraints=[away_from_dc()])


def away_from_dc() -> Element:
    """Return a constraint that prefers other members than the DC (Pacemaker's designated controller) for the VIP.

    The loss of a host that has both costs an election first: 1.3 s more without the VIP, of which 1 s was a sleep that
    transition-delay (steps.pacemaker) now avoids. The score is below the stickiness (100), so that the VIP does not
    move because its host becomes the DC.
    """
    constraint = Element("rsc_location", id="vip-away-from-dc", rsc="vip")
    rule = SubElement(constraint, "rule", id="vip-away-from-dc-rule", score="-50")
    SubElement(rule, "expression", id="vip-away-from-dc-is", attribute="#is_dc", operation="eq", value="true")
    return constraint


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield a VIP that is not on exactly one controller, according to Pacemaker or to the hosts themselves."""
    vip = str(now.site.cluster.vip)
    placed = findings.view(now).running.get("vip", ())
    if len(placed) != 1:
        yield findings.misplaced("vip", placed)
    holding = now.each(now.site.members("pacemaker"), lambda host: interfaces.holds(host, vip), "vip")
    holders = [name for name, holds in holding.items() if holds]
    if len(holders) != 1:
        yield Finding(
            f"the VIP {vip} is on {' and '.join(holders) or 'no host'}",
            hint="ip addr on every controller: Pacemaker does not remove an address that was set by hand",
            # While Pacemaker moves the VIP, it reports no single place.
            final=len(holders) > 1 and len(placed) == 1,
        )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss, settles=PLACED)
