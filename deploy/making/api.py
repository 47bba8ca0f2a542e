"""What every API service's step does, in the one order that works."""

from collections.abc import Sequence
from functools import partial

from deploy import cloud
from deploy.errors import StackproofError, StepFailed
from deploy.host import Host
from deploy.making import database, install, resources, roll, start
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until

ANSWER = 90.0
"""Seconds until HAProxy has seen the members and the API answers through the VIP."""


def complete(site: Site, step: str) -> None:
    """After files and migrations: Pacemaker's clones, rolling restarts, then Keystone's catalogue."""
    site.hosts.role("controller").each(lambda host: start.start(site, host, step))
    resources.clones(site, step)
    roll.roll(site, step)
    verify_whole(site, step)
    cloud.register(site, [entry for entry in site.catalogue.step(step) if entry.account or entry.endpoint])


def verify_whole(site: Site, step: str) -> None:
    """Pacemaker runs the units everywhere, and each API answers at the address clients use."""
    resources.verify(site, step)
    for entry in site.catalogue.step(step):
        if entry.health and entry.proxy and entry.proxy.mode == "http":
            url = f"http://{site.cluster.api_address}:{entry.port}{entry.health.path}"
            expect = entry.health.expect
            until(
                partial(cloud.answers, url, expect),
                timeout=ANSWER,
                what=f"{entry.name} at {url}",
                expected=f"status {expect}",
                hint="the runner must reach the API address; HAProxy's statistics page shows the members",
            )


def migrate(site: Site, name: str, package: str, commands: Sequence[str], **options: str) -> None:
    """The migrations of one service; its log is the evidence when they fail."""
    try:
        database.migrate(site, name, package, commands, **options)
    except StackproofError as error:
        raise StepFailed(
            f"migrating the {name} database failed",
            seen=error.seen or error.what,
            hint=f"look at /var/log/{name} on {site.controllers.first.name}, then run the same command again",
        ) from None


def step(name: str, title: str, package: str, commands: Sequence[str], *requires: str) -> Step:
    """A step that needs nothing but packages, files, a database, migrations, clones and endpoints."""

    def apply(site: Site, host: Host) -> None:
        install.install(site, host, name)

    def whole(site: Site) -> None:
        database.ensure(site, site.catalogue.step(name))
        migrate(site, name, package, commands)
        complete(site, name)

    return Step(
        name,
        title,
        roles=("controller",),
        requires=requires,
        apply=apply,
        complete=whole,
        verify=lambda site, host: roll.verify(site, host, name),
        verify_whole=lambda site: verify_whole(site, name),
    )
