"""Pacemaker: membership by Corosync, quorum, and fencing where it can switch the power of every controller."""

from collections.abc import Iterable, Iterator, Sequence

from deploy.catalogue import Project
from deploy.cib import differences, fencing
from deploy.facts import pacemaker
from deploy.finding import Finding
from deploy.host import Host
from deploy.journal import JOURNAL
from deploy.making import amiss as findings
from deploy.making import install, ordinary, resources, roll, start, trust
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

JOIN = 120.0
"""Seconds until the members see each other and have quorum."""
INERT = {"acls", "alerts", "tags"}
"""Sections of the CIB that never change what Pacemaker does to a resource: no reason to refuse a drill."""


def apply(site: Site, host: Host) -> None:
    """Install; before the first fence agent starts, the host trusts the authorities of the power devices."""
    install.install(site, host, "pacemaker")
    trust.ensure(host, site.platform, site.render(host.node, site.services("pacemaker", host.node)))
    start.start(site, host, "pacemaker")


def complete(site: Site) -> None:
    """Set properties and fence devices once all controllers are members."""
    _until_whole(site)
    roll.roll(site, "pacemaker")
    if site.cluster.unfenced:
        JOURNAL.emit("note", f"built without fencing, because of {', '.join(site.cluster.unfenced)}")
    resources.ensure(site, "pacemaker")


def _until_whole(site: Site) -> None:
    host, members = site.members("pacemaker").first, site.members("pacemaker")
    until(
        lambda: pacemaker.status(host),
        ready=lambda status: _is_whole(status, members),
        timeout=JOIN,
        interval=0.5,
        what=f"{host.name}: Pacemaker",
        expected=f"quorum, and online: {', '.join(sorted(members))}",
        hint=f"crm_mon -1 and journalctl -u corosync -u pacemaker on {host.name}",
    )


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield units that do not run, members without quorum or a view of all others, and a configuration not ours."""
    yield from findings.ordinary(now, "pacemaker")
    members = now.site.members("pacemaker")
    for name, status in now.each(members, pacemaker.status).items():
        if not _is_whole(status, members):
            yield Finding(
                f"Pacemaker sees {', '.join(status.online) or 'no member'}, quorum: {status.quorum}",
                name,
                now.site.catalogue["pacemaker"].unit,
                hint=f"crm_mon -1 and journalctl -u corosync -u pacemaker on {name}",
            )
    yield from _configuration(now)
    if now.site.cluster.fencing:
        yield from _fence_devices(now)


def _is_whole(status: pacemaker.PacemakerStatus, members: Iterable[str]) -> bool:
    return status.quorum and set(status.online) == set(members)


def _configuration(now: Snapshot) -> Iterator[Finding]:
    """Yield what differs from the configuration that a build sets."""
    members = now.site.members("pacemaker")
    held = now.first(members, pacemaker.configuration, usable=lambda configuration: bool(configuration.properties))
    if not held.properties:
        yield Finding("Pacemaker does not show its configuration", hint="cibadmin --query on a controller")
        return
    for difference in differences.of_cluster(held.items, now.site.cluster, now.site.catalogue):
        if difference.section not in INERT:
            yield Finding(f"Pacemaker: {difference.what}", hint=difference.hint, foreign=True)


def _fence_devices(now: Snapshot) -> Iterator[Finding]:
    """Yield fence devices that do not run on exactly one member other than their target."""
    status = findings.view(now)
    if not status.fencing:
        yield Finding("Pacemaker does not fence: stonith-enabled is not true")
    for node in now.site.cluster.role("controller"):
        nodes = status.running.get(fencing.name(node), ())
        if len(nodes) != 1 or nodes == (node.name,):
            yield Finding(
                f"Pacemaker: {fencing.name(node)} runs on {', '.join(nodes) or 'no node'}, not on one other member",
                hint="the controllers must reach the power devices: run the fence agent there by hand",
            )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project,
        roles,
        apply=apply,
        complete=complete,
        amiss=amiss,
        settles=START + JOIN,
    )
