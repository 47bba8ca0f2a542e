"""A dry run: the packages and files that a build would change on each host. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy import catalogue, plan
from deploy.catalogue import Service
from deploy.errors import StackproofError
from deploy.facts import defects
from deploy.found import Found, Unknown
from deploy.host import Host
from deploy.making import remove
from deploy.making.remove import Left
from deploy.site import Site
from deploy.step import Step


@dataclass(frozen=True)
class Preview:
    """Missing packages, and missing or different files, of one host. `error`: why the host could not be read."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Services whose files cannot be rendered because another host did not answer, each with the reason."""
    error: str = ""


def steps(site: Site, every: Iterable[Step]) -> list[tuple[Step, tuple[str, ...]]]:
    """Return the steps in order, each with the names of its hosts."""
    return [(step, tuple(site.hosts.role(*step.roles))) for step in plan.order(every)]


def left(site: Site) -> tuple[Left, ...]:
    """Return the projects on the hosts that the inventory no longer has; empty where a host cannot be read."""
    try:
        return remove.find(site)
    except StackproofError:
        return ()


def hosts(site: Site) -> dict[str, Preview]:
    """Return the preview of every host by name; a host that does not answer has only an `error`."""

    def preview(host: Host) -> Preview:
        try:
            services = site.catalogue.on(host.node)
            unknown = {service.name: why for service in services if (why := _unknown(site, host, service))}
            return Preview(
                packages=tuple(host.missing(catalogue.packages(services))),
                files=(
                    *_differing(site, host, [service for service in services if service.name not in unknown]),
                    *(defect.path for defect in defects.left(host, defects.known(site.platform, site.catalogue))),
                ),
                unknown=tuple(f"{name}: {why}" for name, why in unknown.items()),
            )
        except StackproofError as error:
            return Preview(error=error.what)

    return site.hosts.each(preview)


def _unknown(site: Site, host: Host, service: Service) -> str:
    """Return why the service's files cannot be rendered until another host answers; empty where they can."""
    try:
        site.render(host.node, [service], _possible(site, host)[0])
    except Unknown as error:
        return error.what
    return ""


def _differing(site: Site, host: Host, services: list[Service]) -> list[str]:
    """Return the files that differ, where the virtualisation type is unknown only those that differ for each type."""
    differing = [host.differing(site.render(host.node, services, found)) for found in _possible(site, host)]
    return [path for path in differing[0] if all(path in each for each in differing)]


def _possible(site: Site, host: Host) -> tuple[Found, ...]:
    return site.found.possible(host.name)
