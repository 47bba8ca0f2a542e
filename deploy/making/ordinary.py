"""The ordinary step: what every project needs that says nothing unusual, in the one order that works."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from deploy import cloud
from deploy.catalogue import Project
from deploy.errors import StackproofError, StepFailed
from deploy.host import Hosts
from deploy.making import database, install, resources, roll, start
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until

ANSWER = 90.0
"""Seconds until HAProxy has noticed the members and the API answers through the VIP."""


def step(project: Project, roles: Sequence[str], **parts: Any) -> Step:
    """The step of a project; `parts` replace what is unusual about it, by the names of Step's fields."""
    name = project.name
    usual: dict[str, Callable[..., object]] = {
        "apply": lambda site, host: install.install(site, host, name),
        "complete": lambda site: complete(site, name),
        "verify": lambda site, host: roll.verify(site, host, name),
        "verify_whole": lambda site: verify_whole(site, name),
    }
    return Step(name, project.title, tuple(roles), project.requires, **{**usual, **parts})


def complete(site: Site, name: str, commands: Sequence[str] = (), *, registered: bool = True) -> None:
    """After packages and files: databases and migrations, units and clones, restarts, then Keystone's catalogue.

    `commands`: the migrations, where they depend on the cluster and are not data of the project. `registered`: False
    where the caller registers the project itself.
    """
    project = site.catalogue.project(name)
    database.ensure(site, project)
    migrate(site, project, commands or project.migrate)
    hosts(site, name).each(lambda host: start.start(site, host, name))
    resources.clones(site, name)
    roll.roll(site, name)
    verify_whole(site, name)
    if registered:
        cloud.register(site, project)


def hosts(site: Site, name: str) -> Hosts:
    """The hosts that a step works on."""
    return site.hosts.role(*site.catalogue.roles(name))


def verify_whole(site: Site, name: str) -> None:
    """Pacemaker runs the units on all its members, and each API answers at the address that clients use."""
    resources.verify(site, name)
    for service in site.catalogue.step(name):
        if service.is_api and service.health:
            url = site.addresses.api(service.name).url(service.health.path)
            until(
                partial(cloud.answers, url, service.health.expect),
                timeout=ANSWER,
                what=f"{service.name} at {url}",
                expected=f"status {service.health.expect}",
                hint="the runner must reach the API address; HAProxy's statistics page shows the members",
            )


def migrate(site: Site, project: Project, commands: Sequence[str]) -> None:
    """The migrations of one project; the project's own log is the evidence when they fail."""
    if not commands:
        return
    try:
        database.migrate(site, project, commands)
    except StackproofError as error:
        raise StepFailed(
            f"migrating the {project.name} database failed",
            seen=error.seen or error.what,
            hint=f"look at /var/log/{project.name} on {hosts(site, project.name).first.name}, "
            "then run the same command again",
        ) from None
