"""VIP: the one address every client uses, on exactly one controller."""

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
"""Seconds until Pacemaker has started the address on one controller, 20 of them until only this one has it."""


def complete(site: Site) -> None:
    """The address as a resource, watched often enough for the budgets."""
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
    """Where there is a choice, not on the member that decides for all.

    Who loses both with one host has another elected first: 1.3 s more without the VIP, a second of which was the sleep
    that steps.pacemaker has ended since (transition-delay). Less than what keeps it where it is (100), so that it moves
    to nowhere only because its host became the DC.
    """
    constraint = Element("rsc_location", id="vip-away-from-dc", rsc="vip")
    rule = SubElement(constraint, "rule", id="vip-away-from-dc-rule", score="-50")
    SubElement(rule, "expression", id="vip-away-from-dc-is", attribute="#is_dc", operation="eq", value="true")
    return constraint


def amiss(now: Snapshot) -> Iterator[Finding]:
    """The VIP is not on exactly one controller, as Pacemaker or as the hosts themselves say."""
    vip = str(now.site.cluster.vip)
    placed = findings.view(now).running.get("vip", ())
    if len(placed) != 1:
        yield findings.misplaced("vip", placed)
    seen = now.each(now.site.members("pacemaker"), lambda host: interfaces.holds(host, vip), "vip")
    holders = [name for name, holds in seen.items() if holds]
    if len(holders) != 1:
        yield Finding(
            f"the VIP {vip} is on {' and '.join(holders) or 'no host'}",
            hint="ip addr on every controller: an address set by hand is not Pacemaker's to remove",
            # While Pacemaker moves it, it says so itself.
            final=len(holders) > 1 and len(placed) == 1,
        )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss, settles=PLACED)
