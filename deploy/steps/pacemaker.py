"""Pacemaker: membership by corosync, quorum kept, fencing wherever the inventory offers power devices."""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from deploy.facts import pacemaker
from deploy.host import Host
from deploy.inventory import Node
from deploy.journal import JOURNAL
from deploy.site import Site
from deploy.step import Step
from deploy.steps import resources, service
from deploy.wait import until


def complete(site: Site) -> None:
    """Properties and fence devices, once all controllers are members."""
    _whole(site, site.controllers.first)
    service.roll(site, "pacemaker")
    without = [node.name for node in site.cluster.role("controller") if not node.power]
    if without:
        JOURNAL.emit("note", f"built without fencing: the inventory names no power device for {', '.join(without)}")
    if site.cluster.fencing:
        fenced = [node for node in site.cluster.role("controller") if node.power]
        resources.ensure(site, "resources", [_device(node) for node in fenced])
        resources.ensure(site, "constraints", [_elsewhere(node) for node in fenced])
    resources.properties(
        site,
        stonith_enabled="true" if site.cluster.fencing else "false",
        stonith_timeout="60s",
        # Recovery is not slowed down while the machines that are left are busy: then it is waited for most.
        load_threshold="0%",
        no_quorum_policy="stop",
        cluster_recheck_interval="60s",
    )


def _device(node: Node) -> Element:
    assert node.power is not None  # noqa: S101 - only called for nodes that have one
    url = urlsplit(node.power.url)
    parameters = {
        "ip": url.hostname or "",
        "ipport": str(url.port or 443),
        "systems_uri": url.path,
        "username": node.power.user,
        "password_script": f"/etc/stackproof/fence/{node.name}",
        "pcmk_host_list": node.name,
    }
    if not node.power.verify_tls:
        parameters["ssl_insecure"] = "1"
    return resources.primitive(f"fence-{node.name}", "stonith:fence_redfish", parameters, monitor="60s")


def _elsewhere(node: Node) -> Element:
    """A node does not hold its own fence device: it could not use it when it is needed."""
    name = f"fence-{node.name}"
    return Element("rsc_location", id=f"{name}-elsewhere", rsc=name, node=node.name, score="-INFINITY")


def verify(site: Site, host: Host) -> None:
    """Units run, and this member sees all others and has quorum."""
    service.verify(site, host, "pacemaker")
    _whole(site, host)


def _whole(site: Site, host: Host) -> None:
    members = {controller.name for controller in site.controllers.values()}
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
    until(
        lambda: pacemaker.status(site.controllers.first),
        ready=lambda seen: (
            seen.fencing and all(set(seen.running.get(f"fence-{name}", ())) - {name} for name in site.controllers)
        ),
        timeout=60,
        interval=1,
        what="Pacemaker: fence devices",
        expected="one for each controller, started on another",
        hint="the power devices must be reachable from the controllers: try fence_redfish there by hand",
    )


STEP = Step(
    "pacemaker",
    "membership, quorum and fencing",
    roles=("controller",),
    requires=("base",),
    needs=("ha",),
    apply=lambda site, host: service.apply(site, host, "pacemaker"),
    complete=complete,
    verify=verify,
    verify_whole=verify_whole,
)
