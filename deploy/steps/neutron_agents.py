"""Neutron's agents: linuxbridge on every host with instances or routers; L3, DHCP and metadata on network nodes."""

from collections.abc import Sequence

from deploy import cloud
from deploy.catalogue import Project
from deploy.making import ordinary
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until

REPORT = 300.0
"""Seconds until every agent has reported. One takes 18 s of a processor until then, and Nova starts beside it: on two
slow cores that was 150 s."""


def verify_whole(site: Site) -> None:
    """Every agent of the catalogue is alive as Neutron sees it."""
    expected = {
        (entry.unit, node.name)
        for node in site.cluster.nodes
        for entry in site.services("neutron-agents", node)
        if entry.unit
    }
    with cloud.told("reading the network agents"), cloud.connect(site) as session:
        until(
            lambda: {(agent.binary, agent.host) for agent in session.network.agents() if agent.is_alive},
            ready=lambda seen: expected <= seen,
            timeout=REPORT,
            interval=1,
            what="network agents",
            expected=", ".join(sorted(f"{binary} on {host}" for binary, host in expected)),
            hint="journalctl -u <agent> on the missing ones",
        )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, verify_whole=verify_whole)
