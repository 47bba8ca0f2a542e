"""Packages and files of the catalogue's services, made so with few round trips."""

from deploy.catalogue import packages
from deploy.host import Host
from deploy.making import record, start
from deploy.site import Site


def install(site: Site, host: Host, step: str) -> list[str]:
    """Packages and files of the step's services on that host; returns the paths that were written."""
    services = site.services(step, host.node)
    host.install(packages(services))
    files = site.render(host.node, services)
    kept = record.of(site.catalogue, site.catalogue.project(step), host.node, files)
    # The record first: a build that is killed in between has then said what it was about to put there.
    return host.put([record.file(kept), *files])


def apply(site: Site, host: Host, step: str) -> None:
    """Install, and start what is not running; what runs and must restart is left to `roll`."""
    install(site, host, step)
    start.start(site, host, step)
