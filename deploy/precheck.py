"""Prechecks: what machines must have, and must not have, before a cluster is built on them; judgements only, no I/O."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TypeVar

from deploy.catalogue import Catalogue, Service
from deploy.errors import HostUnreachable
from deploy.facts import interfaces
from deploy.facts.disk import FileSystem
from deploy.facts.interfaces import Interface
from deploy.facts.leftovers import Leftovers
from deploy.facts.neighbours import Neighbour
from deploy.facts.sockets import Listener
from deploy.host import Reads
from deploy.inventory import Cluster, Network, Node

T = TypeVar("T")


def where_reached(everywhere: Callable[..., dict[str, T | None]], read: Callable[[Reads], T]) -> dict[str, T]:
    """The same reading on every node that answers: one that does not has a red line of its own."""

    def attempt(reader: Reads) -> T | None:
        try:
            return read(reader)
        except HostUnreachable:
            return None

    return {name: seen for name, seen in everywhere(attempt).items() if seen is not None}


# -- what roles need -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Need:
    """What one role takes at the least. MiB, as sold; the guides' GB are read as GiB."""

    memory_mib: int
    disk_mib: int
    """In all, with the system."""
    source: str


NEEDS = {
    "controller": Need(4096, 5120, "OpenStack installation guide, minimum of a controller node: 4 GB, 5 GB"),
    "compute": Need(2048, 10240, "OpenStack installation guide, minimum of a compute node: 2 GB, 10 GB"),
    "network": Need(512, 5120, "OpenStack installation guide (Juno), minimum of a network node: 512 MB, 5 GB"),
    "storage": Need(512, 5120, "as a network node: names, time and tools, and no storage service yet"),
}
LESS = 0.9
"""So much of what is sold must be seen: the kernel's own memory, and a file system's, are not counted."""
FREE = {"/usr": 4096, "/var/lib": 2048}
"""MiB that a build must find free: all packages take 3.4 GB (the lab's image); the first database, queue and image."""
FREE_BUILT = {"/usr": 256, "/var/lib": 1024}
"""MiB that must be free where a cluster stands. RabbitMQ stops all publishers below 200 MB (its disk_free_limit)."""


def memory_needed(node: Node) -> int:
    """MiB the kernel must have; each role's processes come beside the others'."""
    return int(sum(NEEDS[role].memory_mib for role in node.roles) * LESS)


def disk_needed(node: Node) -> int:
    """MiB of the file systems of software and data together; each role's figure has the system in it."""
    return int(max(NEEDS[role].disk_mib for role in node.roles) * LESS)


def sources(node: Node) -> str:
    """Where the figures for a node come from."""
    return "; ".join(NEEDS[role].source for role in node.roles)


def size(seen: Mapping[str, FileSystem]) -> int:
    """MiB of the different file systems."""
    return sum({system.mount: system.size_mib for system in seen.values()}.values())


def too_full(seen: Mapping[str, FileSystem], free: Mapping[str, int]) -> dict[str, str]:
    """The file systems with less free than the paths on them need together: by mount point, why."""
    needed: dict[str, int] = {}
    for path, mib in free.items():
        needed[seen[path].mount] = needed.get(seen[path].mount, 0) + mib
    there = {system.mount: system.free_mib for system in seen.values()}
    return {mount: f"{there[mount]} of {mib} MiB free" for mount, mib in needed.items() if there[mount] < mib}


# -- networks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Nic:
    """The interface of one network on one node."""

    node: Node
    network: Network

    @property
    def address(self) -> str:
        """The node's address there; empty: it has none."""
        return str(self.node.addresses.get(self.network.name, ""))

    @property
    def look(self) -> str:
        """Where a person looks."""
        return f"ip addr show {self.network.interface}"

    def __str__(self) -> str:
        return f"{self.node.name}-{self.network.name}"


def nics(cluster: Cluster) -> Iterator[Nic]:
    """Every interface a node must have: that of each of its addresses, and the provider's where Neutron bridges it."""
    for node in cluster.nodes:
        bridges = bool({"network", "compute"} & set(node.roles))
        for network in cluster.networks.values():
            if network.name in node.addresses or (bridges and network.name == "provider"):
                yield Nic(node, network)


def peers(nic: Nic, cluster: Cluster) -> dict[str, str]:
    """The names of the other nodes on its network, by address; none where the node itself has no address there."""
    others = [node for node in cluster.nodes if node != nic.node and nic.network.name in node.addresses]
    return {str(node.addresses[nic.network.name]): node.name for node in others} if nic.address else {}


def faults(nic: Nic, seen: Mapping[str, Interface]) -> list[str]:
    """What is wrong with the interface as it was seen."""
    interface = seen.get(nic.network.interface)
    if interface is None:
        return [f"no such interface; there are {', '.join(name for name in seen if name != 'lo')}"]
    found = []
    if not interface.up:
        found.append("not up, or no carrier")
    if interface.mtu != nic.network.mtu:
        found.append(f"MTU {interface.mtu}")
    if nic.address and nic.address not in interfaces.addresses(seen, interface.name):
        elsewhere = interfaces.holder(seen, nic.address)
        found.append(f"{nic.address} is " + (f"on {elsewhere}" if elsewhere else "on no interface"))
    return found


def strangers(nic: Nic, seen: Mapping[str, Interface], vip: IPv4Address | None) -> list[str]:
    """Addresses of the network that the inventory does not give to this node: another cluster's VIP, perhaps."""
    if nic.network.interface not in seen:
        return []
    known = {nic.address, str(vip)}
    return [
        address
        for address in interfaces.addresses(seen, nic.network.interface)
        if address not in known and IPv4Address(address) in nic.network.cidr
    ]


def carried(
    interface: str, seen: Mapping[str, Interface], routes: Mapping[str, str], nodes: Collection[str] = ()
) -> list[str]:
    """What leaves by an interface that Neutron will take into a bridge.

    `nodes`: the other nodes' addresses on that network. From there they knock, while prechecks look who answers.
    """
    master = seen[interface].master if interface in seen else ""
    taken = {interface, master} - {""}
    return [
        "the default route" if target == "default" else f"the way to {target}"
        for target, device in routes.items()
        if device in taken and target not in nodes
    ]


# -- the VIP -------------------------------------------------------------------------------------


def vip_taken(
    vip: str, holders: Mapping[str, bool], answers: Mapping[str, Neighbour], macs: Mapping[str, str]
) -> list[str]:
    """Who has the VIP that should not.

    `holders`: nodes that have the address, and whether this cluster's Pacemaker put it there; `answers`: what each
    node (and the runner) hears at the VIP; `macs`: the node of each MAC address.
    """
    found = [
        f"{name} has {vip}, and no Pacemaker of this cluster put it there" for name, ok in holders.items() if not ok
    ]
    if len(holders) > 1:
        found.append(f"{len(holders)} nodes have it: {', '.join(holders)}")
    heard: dict[str, list[str]] = {}
    for listener, answer in answers.items():
        if listener in holders or not answer.answers or macs.get(answer.mac) in holders:
            continue
        if not answer.mac and holders:  # behind a router, or the host itself
            continue
        heard.setdefault(answer.mac or "somebody", []).append(listener)
    for mac, listeners in heard.items():
        who = f"{macs[mac]} ({mac}), which does not have the address," if mac in macs else mac
        found.append(f"{who} answers to {', '.join(listeners)}")
    return found


# -- ports ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PortOn:
    """A port, or a range of them, that a service needs on a node, and the units of ours that may hold it."""

    node: Node
    service: Service
    port: int
    last: int
    protocol: str
    always: bool
    """Held as long as the service runs; else only at times, and not by its unit alone."""
    units: frozenset[str]
    shared: frozenset[str] = frozenset()
    """Programs that may hold it whoever started them."""

    @property
    def number(self) -> str:
        """As a person writes it."""
        last = f"-{self.last}" if self.last != self.port else ""
        return f"{self.port}{last}" + ("/udp" if self.protocol == "udp" else "")

    def __str__(self) -> str:
        return f"{self.node.name}-{self.service.name}-{self.number}"


def ports(cluster: Cluster, catalogue: Catalogue) -> Iterator[PortOn]:
    """Every port of the catalogue on every node it will be listened to."""
    for node in cluster.nodes:
        for service in catalogue.on(node):
            units = {service.unit}
            if service.port:
                proxy = {catalogue["haproxy"].unit} if service.proxy and "haproxy" in catalogue else set()
                yield PortOn(node, service, service.port, service.port, "tcp", True, frozenset(units | proxy))
            for port in service.ports:
                if port.port != service.port:
                    last, shared = port.last or port.port, frozenset(port.shared)
                    yield PortOn(node, service, port.port, last, port.protocol, port.always, frozenset(units), shared)


def held_by_others(wanted: PortOn, listeners: Iterable[Listener], ours: bool) -> list[str]:
    """What listens on the port and may not; `ours`: the node carries this cluster already."""
    return [str(listener) for listener in listeners if _is_on(wanted, listener) and not _may(wanted, listener, ours)]


def _is_on(wanted: PortOn, listener: Listener) -> bool:
    return listener.protocol == wanted.protocol and wanted.port <= listener.port <= wanted.last


def _may(wanted: PortOn, listener: Listener, ours: bool) -> bool:
    if listener.program in wanted.shared:
        return True
    if wanted.service.step == "base":  # the base system may run it already; the build configures it anew
        return bool(listener.units & wanted.units)
    return ours and (bool(listener.units & wanted.units) or not wanted.always)


# -- names ---------------------------------------------------------------------------------------


def contradictions(cluster: Cluster, hosts_file: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Names of nodes that a hosts file gives another address. A machine's own at 127.0.x.y is what installers leave."""
    found = []
    for node in cluster.nodes:
        others = [a for a in hosts_file.get(node.name, ()) if a != str(node.management) and not a.startswith("127.")]
        if others:
            found.append(f"{node.name} is {', '.join(others)} there, and {node.management} in the inventory")
    return found


def same_before(cluster: Cluster, node: Node, seen: Mapping[str, str]) -> list[str]:
    """The nodes before this one with the same value; so each that repeats is one red line, and the first is none."""
    names = [other.name for other in cluster.nodes]
    earlier = names[: names.index(node.name)]
    return [name for name in earlier if seen.get(name) and seen.get(name) == seen.get(node.name)]


# -- leftovers -----------------------------------------------------------------------------------


def foreign_data(left: Leftovers, cluster: str) -> tuple[str, ...]:
    """Data of services on a machine that is not this cluster's."""
    return () if left.ours(cluster) else left.data


CLOCK = 10.0
"""Seconds a clock may be off before a build: a package manager refuses indexes dated later than that (apt.conf(5),
Acquire::Max-FutureTime); chrony sets the clock when it starts."""
