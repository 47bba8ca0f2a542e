"""A dry run: what a build would do, host by host, found by reading only."""

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
    """What one host lacks: packages, and files that differ or are not there. `error`: it could not be read."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Services whose files need what another host did not answer, each with the reason."""
    error: str = ""


def steps(site: Site, every: Iterable[Step]) -> list[tuple[Step, tuple[str, ...]]]:
    """The steps in order, with the hosts each works on."""
    return [(step, tuple(site.hosts.role(*step.roles))) for step in plan.order(every)]


def left(site: Site) -> tuple[Left, ...]:
    """What stands of projects that the inventory no longer has; nothing is known where a host cannot be read."""
    try:
        return remove.find(site)
    except StackproofError:
        return ()


def hosts(site: Site) -> dict[str, Preview]:
    """Look at every host; one that does not answer is told as such, and does not hide the others."""

    def look(host: Host) -> Preview:
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

    return site.hosts.each(look)


def _unknown(site: Site, host: Host, service: Service) -> str:
    """Why that service's files cannot be rendered before another host answers; empty where they can."""
    try:
        site.render(host.node, [service], _possible(site, host)[0])
    except Unknown as error:
        return error.what
    return ""


def _differing(site: Site, host: Host, services: list[Service]) -> list[str]:
    """The files that differ whichever virtualisation works there, where nobody tried it since the host booted."""
    differing = [host.differing(site.render(host.node, services, found)) for found in _possible(site, host)]
    return [path for path in differing[0] if all(path in each for each in differing)]


def _possible(site: Site, host: Host) -> tuple[Found, ...]:
    return site.found.possible(host.name)
