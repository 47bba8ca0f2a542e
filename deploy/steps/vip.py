"""VIP: the one address every client uses, on exactly one controller."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from deploy.catalogue import Project
from deploy.facts import pacemaker
from deploy.making import ordinary, resources
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until


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


def verify_whole(site: Site) -> None:
    """Pacemaker says one controller holds it, and the addresses of all controllers agree."""
    members = site.members("pacemaker")
    until(
        lambda: pacemaker.status(members.first).running.get("vip", ()),
        ready=lambda seen: len(seen) == 1,
        timeout=60,
        what="Pacemaker: vip",
        expected="started on one controller",
        hint="crm_mon -1 -r -f on a controller",
    )
    until(
        lambda: members.each(lambda host: f" {site.cluster.vip}/" in host.check("ip -4 -o addr show")),
        ready=lambda seen: sum(seen.values()) == 1,
        error=lambda seen: sum(seen.values()) > 1,
        timeout=20,
        what=f"VIP {site.cluster.vip}",
        expected="on exactly one controller",
        hint="ip addr on every controller: an address set by hand is not Pacemaker's to remove",
    )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, verify_whole=verify_whole)
