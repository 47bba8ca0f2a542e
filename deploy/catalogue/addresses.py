"""Addresses: scheme, host and port of every service. All other code and all templates take URLs from here."""

from dataclasses import dataclass, replace

from deploy.catalogue.model import Catalogue, Service
from deploy.inventory import Cluster, Node

PROXY = "haproxy"
"""The service that listens at the VIP for all others."""
LOOPBACK = "127.0.0.1"
USUAL = {"http": 80, "https": 443}
"""The ports that a URL does not name."""


@dataclass(frozen=True)
class Address:
    """The address of one service. Clients that do not use HTTP take `host` and `port`, or `authority`."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    def url(self, path: str = "") -> str:
        """Return the URL of a path that begins with a slash; without a path, the URL of the service."""
        host = self.host if USUAL.get(self.scheme) == self.port else self.authority
        return f"{self.scheme}://{host}{path}"

    def __str__(self) -> str:
        return self.url()


@dataclass(frozen=True)
class Addresses:
    """The addresses of a cluster's services, by service name. ValueError for a service without a port."""

    cluster: Cluster
    catalogue: Catalogue

    def api(self, name: str) -> Address:
        """Return the address for clients: the VIP, or the service's first member in a cluster without a VIP."""
        service = self.catalogue[name]
        if vip := self.cluster.vip:
            at = self._address(service, vip, service.client_port)
        else:
            at = self._address(service, self._nodes(service)[0].management, service.port)
        return replace(at, scheme="https") if self._ends_tls(service) else at

    def endpoint(self, name: str) -> str:
        """Return the service's URL in Keystone's catalogue; ValueError for a service without an endpoint."""
        endpoint = self.catalogue[name].endpoint
        if endpoint is None:
            raise ValueError(f"service {name} has no endpoint")
        return self.api(name).url(endpoint.path)

    def at(self, node: Node, name: str, port: str = "") -> Address:
        """Return the address of a service on one node: its own port, or the additional port named `port`."""
        service = self.catalogue[name]
        if not port:
            return self._address(service, node.management, service.port)
        further = service.further(port)
        return self._address(service, LOOPBACK if further.on == "loopback" else node.at(further.network), further.port)

    def members(self, name: str, port: str = "") -> tuple[Address, ...]:
        """Return the addresses of a service on all nodes of its roles, in inventory order."""
        return tuple(self.at(node, name, port) for node in self._nodes(self.catalogue[name]))

    def health(self, node: Node, name: str) -> str:
        """Return the URL of the health check on one node; ValueError for a service without a health check."""
        service = self.catalogue[name]
        if service.health is None:
            raise ValueError(f"service {name} has no health check")
        return self._address(service, node.management, service.health.port or service.port).url(service.health.path)

    def _nodes(self, service: Service) -> tuple[Node, ...]:
        return self.cluster.role(*service.roles)

    def _address(self, service: Service, host: object, port: int | None) -> Address:
        if port is None:
            raise ValueError(f"service {service.name} has no port")
        return Address(service.scheme, str(host), port)

    def _ends_tls(self, service: Service) -> bool:
        """True where HAProxy speaks TLS with the service's clients. Members behind HAProxy speak HTTP."""
        by_http = service.name == PROXY or (service.proxy is not None and service.proxy.mode == "http")
        return self.cluster.encrypted and by_http
