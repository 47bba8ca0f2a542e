"""RabbitMQ: one cluster of all controllers, and the services' account."""

from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.errors import StackproofError, StepFailed
from deploy.facts import rabbitmq
from deploy.finding import Finding
from deploy.host import Host
from deploy.making import amiss as findings
from deploy.making import install, ordinary, roll
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

JOIN = 120.0
"""Seconds a member may take to boot and find the others."""
ANSWER = 60.0
"""Seconds a member may take to answer for itself; 8 are usual on two busy cores."""


def apply(site: Site, host: Host) -> None:
    """The first member is up before the others look for it, so none founds a cluster of its own."""
    install.apply(site, host, "rabbitmq")
    try:
        _answers(site, host)
    except StepFailed:
        # After a full disk, for one, the member runs on and answers no more. Nobody is served by it, so a restart
        # takes nothing from anybody.
        unit = site.catalogue["rabbitmq"].unit
        host.change(f"restarted {unit}, which ran without answering", f"systemctl restart {unit}")
        _answers(site, host)


def _answers(site: Site, host: Host) -> None:
    until(
        lambda: rabbitmq.status(host, site.catalogue["rabbitmq"].internals),
        ready=lambda seen: bool(seen.running),
        timeout=ANSWER,
        interval=1,
        what=f"{host.name}: RabbitMQ",
        expected="an answer from its own member",
        hint=f"journalctl -u {site.catalogue['rabbitmq'].unit} on {host.name}",
    )


def complete(site: Site) -> None:
    """The account of the services, and none of the one that everybody knows."""
    host = site.members("rabbitmq").first
    users = rabbitmq.users(host)
    password = site.secrets["rabbitmq.openstack"]
    if "openstack" not in users:
        host.change(
            "created the queue account openstack",
            f"printf '%s\\n' {password} | rabbitmqctl -q add_user openstack\n"
            "rabbitmqctl -q set_permissions openstack '.*' '.*' '.*'\n"
            "rabbitmqctl -q set_user_tags openstack monitoring",
        )
    if "guest" in users:
        host.change("removed the queue account guest", "rabbitmqctl -q delete_user guest")
    roll.roll(site, "rabbitmq")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Members that do not run or answer, are partitioned, or have an alarm that stops publishers."""
    yield from findings.ordinary(now, "rabbitmq")
    members = now.site.members("rabbitmq")
    for name, host in now.answering(members).items():
        try:
            status = _listed(now.site, host)
        except StackproofError as error:
            yield Finding.of(error, name)
            continue
        if not status.whole(len(members)):
            yield Finding(
                f"RabbitMQ: {len(status.running)} of {len(members)} members run, "
                f"partitions: {', '.join(status.partitions) or 'none'}, alarms: {', '.join(status.alarms) or 'none'}",
                name,
                hint=f"rabbitmqctl cluster_status on {name}",
            )


def _listed(site: Site, host: Host) -> rabbitmq.RabbitStatus:
    """The cluster as its management plugin on that host sees it.

    Not by rabbitmqctl: it starts a virtual machine, which takes the host most of a second of a processor.
    """
    import requests  # noqa: PLC0415 - slow to load, and most of what imports the steps never asks

    url = site.addresses.at(host.node, "rabbitmq", "management").url("/api/nodes")
    hint = f"journalctl -u {site.catalogue['rabbitmq'].unit} on {host.name}"
    try:
        answer = requests.get(url, auth=("openstack", site.secrets["rabbitmq.openstack"]), timeout=15)
    except requests.RequestException as error:
        raise StackproofError(f"RabbitMQ does not answer at {url}: {type(error).__name__}", hint=hint) from None
    if not answer.ok:
        raise StackproofError(
            f"RabbitMQ answers {answer.status_code} at {url}: is its account openstack as it was made?", hint=hint
        )
    return rabbitmq.listed(answer.text)


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project, roles, order="first-then-rest", apply=apply, complete=complete, amiss=amiss, settles=START + JOIN
    )
