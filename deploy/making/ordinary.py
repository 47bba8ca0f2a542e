"""The ordinary step: packages, files, database, units and endpoints of a project that has no step of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from deploy import cloud
from deploy.catalogue import Project
from deploy.errors import StackproofError, StepFailed
from deploy.host import Hosts
from deploy.making import amiss, database, install, queue, resources, roll, start
from deploy.making.settle import until_well
from deploy.making.start import START
from deploy.site import Site
from deploy.step import Step

ANSWER = 90.0
"""Seconds until HAProxy has detected the members and the API answers through the VIP."""
CLONES = 180.0
"""Seconds the slowest resource may take to run everywhere."""


def step(project: Project, roles: Sequence[str], **parts: Any) -> Step:
    """Return the step of a project; `parts` replace the usual values, by the names of Step's fields."""
    name = project.name
    usual: dict[str, Callable[..., object]] = {
        "apply": lambda site, host: install.install(site, host, name),
        "complete": lambda site: complete(site, name),
        "amiss": lambda now: amiss.ordinary(now, name),
    }
    settles = START + CLONES + ANSWER  # units first, then Pacemaker's clones, then the APIs
    return Step(name, project.title, tuple(roles), project.requires, **{"settles": settles, **usual, **parts})


def complete(
    site: Site,
    name: str,
    commands: Sequence[str] = (),
    *,
    given: str = "",
    migrated: Callable[[Site], object] = lambda _: None,
    registered: bool = True,
) -> None:
    """Complete a step: databases and migrations, units and clones, restarts, then the registration in Keystone.

    `commands`: migrations that depend on the cluster, in place of those of the project's data. `given`: the text on
    their stdin. `migrated`: what each
    build sets in the databases before it starts or restarts units. `registered`: False where the caller registers the
    project itself.
    """
    project = site.catalogue.project(name)
    database.ensure(site, project)
    queue.ensure(site, project)
    migrate(site, project, commands or project.migrate, given)
    migrated(site)
    if registered:
        cloud.register_account(site, project)  # units sign in as soon as they start
    hosts(site, name).each(lambda host: start.start(site, host, name))
    resources.ensure(site, name)
    roll.roll(site, name)
    until_served(site, name)
    if project.queue:
        queue.retire(site)
    if registered:
        cloud.register_endpoints(site, project)


def hosts(site: Site, name: str) -> Hosts:
    """Return the hosts of a step."""
    return site.hosts.role(*site.catalogue.roles(name))


def until_served(site: Site, name: str) -> None:
    """Wait until Pacemaker runs the step's units on all its members and each API answers at the API address."""
    until_well(site, name, lambda now: amiss.served(now, name), timeout=CLONES + ANSWER)


def migrate(site: Site, project: Project, commands: Sequence[str], given: str = "") -> None:
    """Run the migrations of one project; StepFailed names the project's log."""
    if not commands:
        return
    try:
        database.migrate(site, project, commands, given)
    except StackproofError as error:
        raise StepFailed(
            f"migrating the {project.name} database failed",
            seen=error.seen or error.what,
            hint=f"read /var/log/{project.name} on {hosts(site, project.name).first.name}, "
            "then run the same command again",
        ) from None
