"""Pacemaker: membership by Corosync, quorum, and fencing where it can switch the power of every controller."""

from collections.abc import Iterable, Iterator, Sequence

from deploy.catalogue import Project
from deploy.facts import pacemaker
from deploy.finding import Finding
from deploy.journal import JOURNAL
from deploy.making import amiss as findings
from deploy.making import fencing, install, ordinary, resources, roll
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

JOIN = 120.0
"""Seconds until the members see each other and have quorum."""


def complete(site: Site) -> None:
    """Set properties and fence devices once all controllers are members."""
    _until_whole(site)
    roll.roll(site, "pacemaker")
    if site.cluster.unfenced:
        JOURNAL.emit("note", f"built without fencing, because of {', '.join(site.cluster.unfenced)}")
    if site.cluster.fencing:
        controllers = site.cluster.role("controller")
        devices, elsewhere = map(fencing.device, controllers), map(fencing.elsewhere, controllers)
        resources.ensure(site, resources=devices, constraints=elsewhere)
    resources.properties(
        site,
        stonith_enabled="true" if site.cluster.fencing else "false",
        stonith_timeout="60s",
        # No throttling of recovery on busy machines: after a failure the remaining machines are busy.
        load_threshold="0%",
        # A returning member starts a dozen services, each of which takes a CPU for seconds. Two at a time leave CPU
        # time for the services that already serve.
        node_action_limit="2",
        # A start may time out where all hosts boot at once; it counts as one of the allowed failures. As a fatal one it
        # kept Nova's conductor down for six minutes after two controllers had lost their power.
        start_failure_is_fatal="false",
        no_quorum_policy="stop",
        # The loss of a member causes several updates of the CIB. If Pacemaker 2.1.5 schedules between two of them, it
        # sleeps for 1 s before it schedules again (controld_schedulerd.c: "other peer updates still pending"). With the
        # delay it schedules 0.1 s after the last update.
        transition_delay="100ms",
        # Pacemaker notices a failure within the transition that started the unit at its recheck (resources.FORGOTTEN).
        cluster_recheck_interval="20s",
    )


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
    """Yield units that do not run, members that do not see all others with quorum, and findings of resources."""
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
    yield from _resources(now)
    if now.site.cluster.fencing:
        yield from _fence_devices(now)


def _is_whole(status: pacemaker.PacemakerStatus, members: Iterable[str]) -> bool:
    return status.quorum and set(status.online) == set(members)


def _resources(now: Snapshot) -> Iterator[Finding]:
    """Yield stopped resources that belong to no step, and constraints that an operator set by hand."""
    members = now.site.members("pacemaker")
    configured = now.first(
        members, pacemaker.configuration, usable=lambda configuration: bool(configuration.properties)
    )
    if not configured.properties:
        yield Finding("Pacemaker does not show its configuration", hint="cibadmin --query on a controller")
    ours = {"vip", *(service.name for service in now.site.catalogue.services if service.by_pacemaker)}
    if now.site.cluster.fencing:
        ours |= {fencing.name(node) for node in now.site.cluster.role("controller")}
    for name in sorted(configured.resources.keys() - ours):
        nodes = findings.view(now).running.get(name, ())
        if len(nodes) != (len(members) if configured.resources[name].cloned else 1):
            yield findings.misplaced(name, nodes, foreign=True)
    for constraint in configured.constraints:
        if constraint.name.startswith("cli-"):
            resource = constraint.attributes.get("rsc", "")
            yield Finding(
                f"Pacemaker: constraint {constraint.name}",
                hint=f"crm_resource --clear --resource {resource} removes it",
                foreign=True,
            )


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
        apply=lambda site, host: install.apply(site, host, "pacemaker"),
        complete=complete,
        amiss=amiss,
        settles=START + JOIN,
    )
