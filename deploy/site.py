"""Site: one cluster with its hosts, catalogue, platform and secrets, as steps and facts use it.

`Cluster` is data only and contacts no machine.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from deploy import catalogue, platforms, power
from deploy.catalogue import Addresses, Catalogue, Service
from deploy.errors import InventoryError
from deploy.facts import computes, leftovers
from deploy.found import Found
from deploy.host import Host, Hosts
from deploy.inventory import Cluster, Node
from deploy.journal import JOURNAL
from deploy.platforms import Platform
from deploy.render import Context, Rendered, files
from deploy.secrets import Secrets
from deploy.tls import Tls


@dataclass(frozen=True, eq=False)
class Site:
    """Everything a step needs. `found`: facts of the computes for templates, read at the first use."""

    cluster: Cluster
    catalogue: Catalogue
    platform: Platform
    secrets: Secrets
    hosts: Hosts
    found: Found

    @classmethod
    def of(cls, cluster: Cluster, *, building: bool = False) -> "Site":
        """Return the site of one cluster, without connections; InventoryError for an unsupported platform.

        `building`: missing secrets are made and saved.
        """
        platform = platforms.load(cluster.platform)
        if platform.not_built:
            raise InventoryError(
                f"cluster.platform: no cluster is built on {platform.name} yet",
                seen=platform.not_built,
                hint="name another platform in the inventory",
            )
        secrets = Secrets.of(cluster.name, makes=building)
        JOURNAL.redact = secrets.redact
        _learn_power(secrets, cluster)
        _bypass_proxies(cluster)
        hosts = Hosts(Host(node, cluster.ssh, platform.manager) for node in cluster.nodes)
        return cls(
            cluster=cluster,
            catalogue=catalogue.load().of(cluster),
            platform=platform,
            secrets=secrets,
            hosts=hosts,
            found=computes.read(hosts.role("compute"), hosts.role("compute").each),
        )

    @property
    def addresses(self) -> Addresses:
        """The addresses of the services, for clients and of each member."""
        return Addresses(self.cluster, self.catalogue)

    @property
    def ca(self) -> str:
        """The file on the runner with the certificates that verify the VIP's; empty: the runner's system has them."""
        return Tls(self.cluster, self.secrets).file

    @cached_property
    def every(self) -> Catalogue:
        """The catalogue that the cluster would have if its inventory chose every project."""
        return catalogue.load().whole(self.cluster)

    @property
    def controllers(self) -> Hosts:
        """The hosts with the role controller."""
        return self.hosts.role("controller")

    @property
    def ha(self) -> bool:
        """True where the cluster has a VIP."""
        return self.cluster.vip is not None

    @property
    def leftovers(self) -> str:
        """The script that finds the remains of deployments on a machine, of every project that there is."""
        return leftovers.script(catalogue.load(), self.cluster.platform)

    def members(self, service: str) -> Hosts:
        """Return the hosts of a service of the catalogue."""
        return self.hosts.role(*self.catalogue[service].roles)

    def services(self, step: str, node: Node) -> tuple[Service, ...]:
        """Return the services that the step builds on that node."""
        return tuple(service for service in self.catalogue.step(step) if service.on(node))

    def render(
        self, node: Node, services: Iterable[Service], found: Found | None = None, *, takes_plain: bool = False
    ) -> list[Rendered]:
        """Return all files of the services on that node; Unknown where a file needs a fact of a silent compute.

        `found`: facts of the computes to use instead of the site's own. `takes_plain`: see `Context`.
        """
        known = found or self.found
        context = Context(self.cluster, self.catalogue, self.platform, self.secrets, known, takes_plain)
        return files(context, node, services)


def _bypass_proxies(cluster: Cluster) -> None:
    """Add the cluster's addresses to `no_proxy`, so that requests to it bypass the runner's proxy.

    Requests and the SDK obey `no_proxy`, networks included. Existing entries are kept.
    """
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    own = [str(cluster.api_address), *(str(network.cidr) for network in cluster.networks.values())]
    os.environ["no_proxy"] = ",".join(dict.fromkeys([*known.split(","), *own])).strip(",")


def _learn_power(secrets: Secrets, cluster: Cluster) -> None:
    """Add the power devices' passwords, which their owner sets, to the secrets."""
    for node in cluster.nodes:
        if password := power.password(node):
            secrets.learn(f"power.{node.name}", password)
