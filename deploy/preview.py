"""A dry run: what a build would do, host by host, found by reading only."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy import catalogue, plan
from deploy.errors import StackproofError
from deploy.facts import defects, ssh
from deploy.host import Host
from deploy.site import Site
from deploy.step import Step


@dataclass(frozen=True)
class Preview:
    """What one host lacks: packages, and files that differ or are not there. `error`: it could not be read."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    error: str = ""


def steps(site: Site, every: Iterable[Step]) -> list[tuple[Step, tuple[str, ...]]]:
    """The steps in order, with the hosts each works on."""
    return [(step, tuple(site.hosts.role(*step.roles))) for step in plan.order(every)]


def hosts(site: Site) -> dict[str, Preview]:
    """Look at every host; one that does not answer is told as such, and does not hide the others."""
    # Which virtualisation works is found during a build; whichever it is, the file is the same but for one word.
    site.facts.setdefault("virt_type", {node.name: "qemu" for node in site.cluster.nodes})
    site.facts.setdefault("host_keys", _host_keys(site))

    def look(host: Host) -> Preview:
        try:
            services = site.catalogue.on(host.node)
            return Preview(
                packages=tuple(host.missing(catalogue.packages(services))),
                files=(
                    *host.differing(site.render(host.node, services)),
                    *(defect.path for defect in defects.left(host, site.platform.defects)),
                ),
            )
        except StackproofError as error:
            return Preview(error=error.what)

    return site.hosts.each(look)


def _host_keys(site: Site) -> dict[str, str]:
    """Of the computes that can be asked; why one cannot be is told where it is looked at."""

    def ask(host: Host) -> str:
        try:
            return ssh.public_key(host)
        except StackproofError:
            return ""

    return {name: key for name, key in site.hosts.role("compute").each(ask).items() if key}
