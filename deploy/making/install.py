"""Installing the packages and files of a step's services on a host, with few round trips."""

import shlex
from collections.abc import Iterable

from deploy.catalogue import Service, packages
from deploy.facts import earlier
from deploy.host import Host
from deploy.making import idle, record, start
from deploy.site import Site


def add(site: Site, host: Host, services: Iterable[Service]) -> None:
    """Install the packages of those services, and disable what new packages enabled and no service of the host uses."""
    if host.install(packages(services)):
        idle.disable(site, host)


def install(site: Site, host: Host, step: str, *, takes_plain: bool = False) -> list[str]:
    """Install the packages and files of the step's services on that host; return the paths that were written.

    Files that only earlier versions wrote are deleted. `takes_plain`: see `deploy.render.Context`.
    """
    services = site.services(step, host.node)
    add(site, host, services)
    files = site.render(host.node, services, takes_plain=takes_plain)
    project = site.catalogue.project(step)
    kept = record.of(site.catalogue, project, host.node, files)
    for path in earlier.left(host, project.gone):
        host.change(f"removed {path}", f"rm -f -- {shlex.quote(path)}")
    # The record first, so that it also lists the files of a build that is killed in between.
    return host.put([record.file(kept), *files])


def apply(site: Site, host: Host, step: str) -> None:
    """Install, and start units that do not run. Restarts of running units are left to `roll`."""
    install(site, host, step)
    start.start(site, host, step)
