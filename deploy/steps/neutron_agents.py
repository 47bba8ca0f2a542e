"""Neutron's agents: linuxbridge on hosts with instances or routers; L3, DHCP and metadata on network nodes."""

from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.facts import network
from deploy.finding import Finding
from deploy.making import amiss as findings
from deploy.making import ordinary
from deploy.making.start import START
from deploy.snapshot import Snapshot
from deploy.step import Step

REPORT = 300.0
"""Seconds until every agent has reported. An agent needs 18 s of CPU time for that, and Nova starts in parallel: on two
slow cores it took 150 s."""


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield agents that do not run or do not report, and routers that are not active on exactly one host."""
    yield from findings.ordinary(now, "neutron-agents")
    for router in now.first(now.site.members("galera"), network.active):
        if len(router.hosts) != 1:
            where = " and ".join(router.hosts) or "no host"
            yield Finding(
                f"router {router.name} is active on {where} according to Neutron",
                hint="journalctl -u neutron-l3-agent on the hosts with routers",
                foreign=True,
            )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, amiss=amiss, settles=START + REPORT)
