"""RabbitMQ: one cluster of all controllers, and the services' account."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.errors import StepFailed
from deploy.facts import rabbitmq
from deploy.host import Host
from deploy.making import install, ordinary, roll
from deploy.site import Site
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


def verify(site: Site, host: Host) -> None:
    """The member sees all members, no partition and no alarm."""
    count = len(site.members("rabbitmq"))
    roll.verify(site, host, "rabbitmq")
    until(
        lambda: rabbitmq.status(host, site.catalogue["rabbitmq"].internals),
        ready=lambda seen: seen.whole(count),
        timeout=JOIN,
        interval=1,
        what=f"{host.name}: RabbitMQ",
        expected=f"{len(site.members('rabbitmq'))} members running, no partition, no alarm",
        hint=f"rabbitmqctl cluster_status on {host.name}",
    )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, order="first-then-rest", apply=apply, complete=complete, verify=verify)
