"""Site: one cluster with what it takes to work on it: its hosts, its catalogue, its platform, its secrets.

`Cluster` is data and never touches a machine; a Site is what steps and facts are given.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from deploy import catalogue, platforms, power
from deploy.catalogue import Addresses, Catalogue, Service
from deploy.errors import InventoryError
from deploy.facts import finding
from deploy.found import Found
from deploy.host import Host, Hosts
from deploy.inventory import Cluster, Node
from deploy.journal import JOURNAL
from deploy.platforms import Platform
from deploy.render import Context, Rendered, files
from deploy.secrets import Secrets


@dataclass(frozen=True, eq=False)
class Site:
    """Everything a step needs. `found` is what templates need to know of the computes: read at its first use."""

    cluster: Cluster
    catalogue: Catalogue
    platform: Platform
    secrets: Secrets
    hosts: Hosts
    found: Found

    @classmethod
    def of(cls, cluster: Cluster) -> "Site":
        """The site of one cluster; opens no connection yet. InventoryError where none is built on its platform yet."""
        platform = platforms.load(cluster.platform)
        if platform.not_built:
            raise InventoryError(
                f"cluster.platform: no cluster is built on {platform.name} yet",
                seen=platform.not_built,
                hint="name another platform in the inventory",
            )
        secrets = Secrets.of(cluster.name)
        JOURNAL.redact = secrets.redact
        _learn_power(secrets, cluster)
        _past_proxies(cluster)
        hosts = Hosts(Host(node, cluster.ssh, platform.manager) for node in cluster.nodes)
        return cls(
            cluster=cluster,
            catalogue=catalogue.load().of(cluster),
            platform=platform,
            secrets=secrets,
            hosts=hosts,
            found=finding.read(hosts.role("compute"), hosts.role("compute").each),
        )

    @property
    def addresses(self) -> Addresses:
        """Where the services listen, and where clients find them."""
        return Addresses(self.cluster, self.catalogue)

    @property
    def controllers(self) -> Hosts:
        """The hosts that carry the control plane."""
        return self.hosts.role("controller")

    @property
    def ha(self) -> bool:
        """True where controllers share a VIP."""
        return self.cluster.vip is not None

    def members(self, service: str) -> Hosts:
        """The hosts that a service of the catalogue runs on."""
        return self.hosts.role(*self.catalogue[service].roles)

    def services(self, step: str, node: Node) -> tuple[Service, ...]:
        """What that step builds on that node."""
        return tuple(service for service in self.catalogue.step(step) if service.on(node))

    def render(self, node: Node, services: Iterable[Service], found: Found | None = None) -> list[Rendered]:
        """Every file those services own on that node. Raises Unknown where one needs what a compute did not answer.

        `found`: what is assumed of the computes instead of the site's own.
        """
        context = Context(self.cluster, self.catalogue, self.platform, self.secrets, found or self.found)
        return files(context, node, services)


def _past_proxies(cluster: Cluster) -> None:
    """A proxy of the runner's environment is for the world outside: the cluster is asked directly, as by SSH.

    Requests and the SDK heed `no_proxy`, with networks too; what the environment names in it stays.
    """
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    own = [str(cluster.api_address), *(str(network.cidr) for network in cluster.networks.values())]
    os.environ["no_proxy"] = ",".join(dict.fromkeys([*known.split(","), *own])).strip(",")


def _learn_power(secrets: Secrets, cluster: Cluster) -> None:
    """The power devices' passwords, which are the owner's and not ours to make."""
    for node in cluster.nodes:
        if password := power.password(node):
            secrets.learn(f"power.{node.name}", password)
