"""Doors: which packets a node lets in. They are derived from who may ask at each port of the catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from deploy.catalogue.addresses import PROXY
from deploy.catalogue.model import Catalogue, Port, Service, Source
from deploy.inventory import Cluster, Node


@dataclass(frozen=True)
class Door:
    """One range of ports at one address of a node, and who may ask there."""

    service: str
    use: str
    at: IPv4Address
    port: int
    last: int
    protocol: str
    sources: tuple[str, ...] | None
    """Addresses and networks, sorted; None: everybody. Empty: nobody but the node itself."""
    network: str = "management"
    """The network of the door and of those who may ask."""

    @property
    def ports(self) -> str:
        """The port, or the first and the last one with a hyphen between."""
        return str(self.port) if self.last == self.port else f"{self.port}-{self.last}"

    def lets_in(self, node: Node) -> bool:
        """Return True where that node may ask."""
        return self.sources is None or str(node.at(self.network)) in self.sources


def doors(cluster: Cluster, catalogue: Catalogue, node: Node) -> tuple[Door, ...]:
    """Return the doors of one node. A node's packets to itself need none."""
    return tuple(_Doors(cluster, catalogue, node).all())


class _Doors:
    def __init__(self, cluster: Cluster, catalogue: Catalogue, node: Node) -> None:
        self._cluster, self._catalogue, self._node = cluster, catalogue, node

    def all(self) -> Iterator[Door]:
        for service in self._catalogue.on(self._node):
            if service.name == PROXY and self._cluster.vip is not None:
                yield from self._at_the_vip(service, self._cluster.vip)
            elif service.port:
                yield self._own(service, service.port)
            for port in service.ports:
                if port.on != "loopback":
                    yield self._further(service, port)

    def _at_the_vip(self, proxy: Service, vip: IPv4Address) -> Iterator[Door]:
        network = self._cluster.network("public").name
        for service in (*self._catalogue.proxied(), proxy):
            who = self._sources(service, (*service.sources, "runners"), network)
            for port in service.vip_ports:
                yield Door(PROXY, f"clients of {service.name}", vip, port, port, "tcp", who, network)

    def _own(self, service: Service, port: int) -> Door:
        """The port for clients. Where HAProxy stands before the service, its hosts are the clients."""
        behind = service.proxy is not None and PROXY in self._catalogue
        asking = self._catalogue[PROXY] if behind else service
        words: tuple[Source, ...] = ("members", "runners") if behind else (*service.sources, "runners")
        return Door(service.name, "clients", self._node.management, port, port, "tcp", self._sources(asking, words))

    def _further(self, service: Service, port: Port) -> Door:
        network = self._cluster.network(port.network).name
        who = self._sources(service, port.sources, network)
        last = port.last or port.port
        return Door(service.name, port.use, self._node.at(network), port.port, last, port.protocol, who, network)

    def _sources(
        self, service: Service, words: Iterable[Source], network: str = "management"
    ) -> tuple[str, ...] | None:
        words = set(words)
        if "clients" in words:
            return None
        own = service.roles if "members" in words else ()
        roles = {*own, *words} - {"members", "hosts", "runners"}
        nodes = [node for node in self._cluster.nodes if "hosts" in words or roles & set(node.roles)]
        found = {node.at(network) for node in nodes if node is not self._node}
        networks = self._cluster.ssh.runners if "runners" in words else ()
        return (*map(str, sorted(found)), *map(str, sorted(networks)))
