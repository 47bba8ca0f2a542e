"""Pacemaker: membership by corosync, quorum kept, fencing wherever Pacemaker can switch the power of all."""

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
    """Properties and fence devices, once all controllers are members."""
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
        # Recovery is not slowed down while the machines that are left are busy: then it is waited for most.
        load_threshold="0%",
        # A member that returns starts a dozen services, and each takes a processor for seconds: two at a time, or those
        # that serve meanwhile share what is left with all of them.
        node_action_limit="2",
        # A start that takes too long, where all boot at once, is one of the failures that a service is allowed; as a
        # fatal one it kept Nova's conductor away for six minutes after two controllers had lost their power.
        start_failure_is_fatal="false",
        no_quorum_policy="stop",
        # The loss of a member is several updates of the CIB. Where Pacemaker 2.1.5 looks between two of them, it sleeps
        # for a second before it looks again (controld_schedulerd.c: "other peer updates still pending"). So it looks
        # once the last is 0.1 s old.
        transition_delay="100ms",
        # What fails within the very transition that started it is seen as Pacemaker looks again (resources.FORGOTTEN).
        cluster_recheck_interval="20s",
    )


def _until_whole(site: Site) -> None:
    host, members = site.members("pacemaker").first, site.members("pacemaker")
    until(
        lambda: pacemaker.status(host),
        ready=lambda seen: _is_whole(seen, members),
        timeout=JOIN,
        interval=0.5,
        what=f"{host.name}: Pacemaker",
        expected=f"quorum, and online: {', '.join(sorted(members))}",
        hint=f"crm_mon -1 and journalctl -u corosync -u pacemaker on {host.name}",
    )


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Units that do not run, members that do not see all others with quorum, and what is wrong with the resources."""
    yield from findings.ordinary(now, "pacemaker")
    members = now.site.members("pacemaker")
    for name, seen in now.each(members, pacemaker.status).items():
        if not _is_whole(seen, members):
            yield Finding(
                f"Pacemaker sees {', '.join(seen.online) or 'nobody'}, quorum: {seen.quorum}",
                name,
                now.site.catalogue["pacemaker"].unit,
                hint=f"crm_mon -1 and journalctl -u corosync -u pacemaker on {name}",
            )
    yield from _resources(now)
    if now.site.cluster.fencing:
        yield from _fence_devices(now)


def _is_whole(seen: pacemaker.PacemakerStatus, members: Iterable[str]) -> bool:
    return seen.quorum and set(seen.online) == set(members)


def _resources(now: Snapshot) -> Iterator[Finding]:
    """Resources that no step answers for and that do not run, and constraints that somebody set by hand."""
    members = now.site.members("pacemaker")
    configured = now.first(members, pacemaker.configuration, usable=lambda seen: bool(seen.properties))
    if not configured.properties:
        yield Finding("Pacemaker does not tell what should run", hint="cibadmin --query on a controller")
    ours = {"vip", *(service.name for service in now.site.catalogue.services if service.by_pacemaker)}
    if now.site.cluster.fencing:
        ours |= {fencing.name(node) for node in now.site.cluster.role("controller")}
    for name in sorted(configured.resources.keys() - ours):
        nodes = findings.view(now).running.get(name, ())
        if len(nodes) != (len(members) if configured.resources[name].cloned else 1):
            yield findings.misplaced(name, nodes, foreign=True)
    for constraint in configured.constraints:
        if constraint.name.startswith("cli-"):
            resource = constraint.says.get("rsc", "")
            yield Finding(
                f"Pacemaker: constraint {constraint.name}",
                hint=f"crm_resource --clear --resource {resource} takes it away",
                foreign=True,
            )


def _fence_devices(now: Snapshot) -> Iterator[Finding]:
    """Fence devices that are not watched by exactly one member that is not their target."""
    seen = findings.view(now)
    if not seen.fencing:
        yield Finding("Pacemaker does not fence: stonith-enabled is not true")
    for node in now.site.cluster.role("controller"):
        nodes = seen.running.get(fencing.name(node), ())
        if len(nodes) != 1 or nodes == (node.name,):
            yield Finding(
                f"Pacemaker: {fencing.name(node)} runs on {', '.join(nodes) or 'no node'}, not on one other member",
                hint="the power devices must be reachable from the controllers: try the fence agent there by hand",
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
