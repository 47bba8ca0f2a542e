"""Pacemaker: membership by corosync, quorum kept, fencing wherever Pacemaker can switch the power of all."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.facts import pacemaker
from deploy.host import Host
from deploy.journal import JOURNAL
from deploy.making import fencing, install, ordinary, resources, roll
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until


def complete(site: Site) -> None:
    """Properties and fence devices, once all controllers are members."""
    _whole(site, site.members("pacemaker").first)
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


def verify(site: Site, host: Host) -> None:
    """Units run, and this member sees all others and has quorum."""
    roll.verify(site, host, "pacemaker")
    _whole(site, host)


def _whole(site: Site, host: Host) -> None:
    members = {controller.name for controller in site.members("pacemaker").values()}
    until(
        lambda: pacemaker.status(host),
        ready=lambda seen: seen.quorum and set(seen.online) == members,
        timeout=120,
        interval=0.5,
        what=f"{host.name}: Pacemaker",
        expected=f"quorum, and online: {', '.join(sorted(members))}",
        hint=f"crm_mon -1 and journalctl -u corosync -u pacemaker on {host.name}",
    )


def verify_whole(site: Site) -> None:
    """Every fence device is watched by a member that is not its target."""
    if not site.cluster.fencing:
        return
    members = site.members("pacemaker")
    until(
        lambda: pacemaker.status(members.first),
        ready=lambda seen: (
            seen.fencing and all(set(seen.running.get(f"fence-{name}", ())) - {name} for name in members)
        ),
        timeout=60,
        interval=1,
        what="Pacemaker: fence devices",
        expected="one for each controller, started on another",
        hint="the power devices must be reachable from the controllers: try the fence agent there by hand",
    )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project,
        roles,
        apply=lambda site, host: install.apply(site, host, "pacemaker"),
        complete=complete,
        verify=verify,
        verify_whole=verify_whole,
    )
