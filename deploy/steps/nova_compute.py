"""Computes: a trial boot finds the virtualisation that works, then Nova maps the host into its cell."""

from collections.abc import Iterator, Sequence

from deploy import cloud, guest, paths
from deploy.catalogue import Project
from deploy.facts import computes
from deploy.facts.compute import hypervisors
from deploy.finding import Finding
from deploy.making import amiss as findings
from deploy.making import install, ordinary, queue, roll, virt
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

REGISTER = 120.0
"""Seconds until nova-compute has reported to the conductor and to Placement."""


def prepare(site: Site) -> None:
    """Install packages, QEMU among them, then run the trial boot of each compute."""
    hosts = site.members("nova-compute")
    hosts.each(lambda host: install.add(site, host, site.services("nova-compute", host.node)))
    virt.find(site, guest.obtain(site.cluster.image, paths.cache()))
    site.found.take(computes.read(hosts, hosts.each))


def complete(site: Site) -> None:
    """Map new computes into the cell once they have reported."""
    roll.roll(site, "nova-compute")
    queue.retire(site)
    names = set(site.members("nova-compute"))
    with cloud.explained("reading the compute services"), cloud.connect(site) as session:
        until(
            lambda: {entry.host for entry in session.compute.services(binary="nova-compute") if entry.state == "up"},
            ready=lambda up: names <= up,
            timeout=REGISTER,
            interval=1,
            what="nova-compute services",
            expected=f"up on {', '.join(sorted(names))}",
            hint="journalctl -u nova-compute on the missing hosts",
        )
        known = hypervisors(session).keys() if names else set()
    if not names <= known:
        _discover(site)


def _discover(site: Site) -> None:
    site.members("nova-conductor").first.change(
        "mapped new computes into cell1",
        "su -s /bin/sh -c 'nova-manage cell_v2 discover_hosts' nova",
        timeout=120,
    )


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield computes that do not run or do not report, and hypervisors that the scheduler cannot use."""
    well = True
    for found in findings.ordinary(now, "nova-compute"):
        well = False
        yield found
    names = sorted(now.site.members("nova-compute"))
    if not names or not well:  # a hypervisor is down in Nova whenever its nova-compute is
        return
    states = _hypervisors(now)
    for name in names:
        if states.get(name) != "up":
            yield Finding(
                f"its hypervisor is {states.get(name, 'unknown')} in Nova",
                name,
                now.site.catalogue["nova-compute"].unit,
                hint=f"nova-manage cell_v2 discover_hosts; journalctl -u nova-compute on {name}",
            )


def _hypervisors(now: Snapshot) -> dict[str, str]:
    with cloud.explained("reading the hypervisors"):
        return hypervisors(now.opened("administrator", lambda: cloud.connect(now.site)))


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project,
        roles,
        prepare=prepare,
        apply=lambda site, host: install.apply(site, host, "nova-compute"),
        complete=complete,
        amiss=amiss,
        settles=START + REGISTER,
    )
