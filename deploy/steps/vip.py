"""VIP: the address of all clients, on exactly one controller."""

from collections.abc import Iterator, Sequence

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
    """Make the VIP Pacemaker's resource."""
    resources.ensure(site, "vip")


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
