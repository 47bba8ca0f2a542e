"""The ordinary step: what every project needs that says nothing unusual, in the one order that works."""

from collections.abc import Callable, Sequence
from typing import Any

from deploy import cloud
from deploy.catalogue import Project
from deploy.errors import StackproofError, StepFailed
from deploy.host import Hosts
from deploy.making import amiss, database, install, resources, roll, start
from deploy.making.settle import until_well
from deploy.making.start import START
from deploy.site import Site
from deploy.step import Step

ANSWER = 90.0
"""Seconds until HAProxy has noticed the members and the API answers through the VIP."""
CLONES = 180.0
"""Seconds the slowest resource may take to run everywhere."""


def step(project: Project, roles: Sequence[str], **parts: Any) -> Step:
    """The step of a project; `parts` replace what is unusual about it, by the names of Step's fields."""
    name = project.name
    usual: dict[str, Callable[..., object]] = {
        "apply": lambda site, host: install.install(site, host, name),
        "complete": lambda site: complete(site, name),
        "amiss": lambda now: amiss.ordinary(now, name),
    }
    settles = START + CLONES + ANSWER  # units first, then Pacemaker's clones, then what answers through them
    return Step(name, project.title, tuple(roles), project.requires, **{"settles": settles, **usual, **parts})


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
    until_served(site, name)
    if registered:
        cloud.register(site, project)


def hosts(site: Site, name: str) -> Hosts:
    """The hosts that a step works on."""
    return site.hosts.role(*site.catalogue.roles(name))


def until_served(site: Site, name: str) -> None:
    """Wait until Pacemaker runs the units on all its members, and each API answers at the address that clients use."""
    until_well(site, name, lambda now: amiss.served(now, name), timeout=CLONES + ANSWER)


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
