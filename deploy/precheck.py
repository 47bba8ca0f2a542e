"""Prechecks: judges readings of machines before a cluster is built on them. No I/O of its own."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TypeVar

from deploy.catalogue import Catalogue, Service, doors
from deploy.catalogue.addresses import PROXY
from deploy.errors import HostUnreachable
from deploy.facts import interfaces
from deploy.facts.disk import FileSystem
from deploy.facts.interfaces import Interface
from deploy.facts.leftovers import Leftovers
from deploy.facts.listener import NAME
from deploy.facts.neighbours import Neighbour
from deploy.facts.sockets import Listener
from deploy.host import Reads
from deploy.inventory import Cluster, Network, Node, Role

T = TypeVar("T")


def where_reached(everywhere: Callable[..., dict[str, T | None]], read: Callable[[Reads], T]) -> dict[str, T]:
    """Return a reading of every node that answers. A check of its own reports the unreachable nodes."""

    def attempt(reader: Reads) -> T | None:
        try:
            return read(reader)
        except HostUnreachable:
            return None

    return {name: value for name, value in everywhere(attempt).items() if value is not None}


# -- memory and disk -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Need:
    """The minimum of one role in MiB of installed hardware; GB in the guides are taken as GiB."""

    memory_mib: int
    disk_mib: int
    """In all, with the operating system."""
    source: str


NEEDS = {
    "controller": Need(4096, 5120, "OpenStack installation guide, minimum of a controller node: 4 GB, 5 GB"),
    "compute": Need(2048, 10240, "OpenStack installation guide, minimum of a compute node: 2 GB, 10 GB"),
    "network": Need(512, 5120, "OpenStack installation guide (Juno), minimum of a network node: 512 MB, 5 GB"),
    "storage": Need(2048, 10240, "Ceph's hardware recommendations, minimum of a monitor: 2 GB; 5 GB of disk for it"),
}
OSD = 400
"""MiB of memory that an OSD takes besides its cache; the most that was measured, in hours of writing."""
LESS = 0.9
"""The fraction of the installed size that must be visible: the kernel and the file systems take a part."""
FREE = {"/usr": 4096, "/var/lib": 2048}
"""MiB that must be free before a build: for all packages, 3.4 GB (the lab's image), and the first data of services."""
FREE_BUILT = {"/usr": 256, "/var/lib": 1024}
"""MiB that must be free on a built cluster. RabbitMQ blocks publishers below 200 MB (its disk_free_limit)."""


def memory_needed(cluster: Cluster, node: Node) -> int:
    """Return the MiB of memory that the kernel must report: the sum over the node's roles and its OSDs."""
    return int((sum(NEEDS[role].memory_mib for role in node.roles) + _osds(cluster, node)) * LESS)


def _osds(cluster: Cluster, node: Node) -> int:
    """Return the MiB of memory that the node's OSDs take."""
    if "ceph" not in cluster.features or "storage" not in node.roles:
        return 0
    return len(cluster.disks(node)) * ((cluster.tuned.cache_mib or 0) + OSD)


def disk_needed(node: Node) -> int:
    """Return the MiB of the file systems together: the largest of the roles, since each includes the system."""
    return int(max(NEEDS[role].disk_mib for role in node.roles) * LESS)


def sources(cluster: Cluster, node: Node) -> str:
    """Return the sources of the figures for a node."""
    stated = [NEEDS[role].source for role in node.roles]
    if osds := _osds(cluster, node):
        stated.append(f"{osds} MiB for {len(cluster.disks(node))} OSDs with their caches (ceph.cache_mib)")
    return "; ".join(stated)


def size(systems: Mapping[str, FileSystem]) -> int:
    """Return the total size in MiB of the file systems, by path; each mount counts once."""
    return sum({system.mount: system.size_mib for system in systems.values()}.values())


def too_full(systems: Mapping[str, FileSystem], free: Mapping[str, int]) -> dict[str, str]:
    """Return the file systems with less free space than their paths need together: the reason by mount point."""
    needed: dict[str, int] = {}
    for path, mib in free.items():
        needed[systems[path].mount] = needed.get(systems[path].mount, 0) + mib
    available = {system.mount: system.free_mib for system in systems.values()}
    return {mount: f"{available[mount]} of {mib} MiB free" for mount, mib in needed.items() if available[mount] < mib}


# -- volumes --------------------------------------------------------------------------------------

MODULES: dict[tuple[str, Role], tuple[str, ...]] = {
    ("lvm", "storage"): ("dm_mod", "dm_thin_pool", "target_core_mod", "target_core_iblock", "iscsi_target_mod"),
    ("lvm", "compute"): ("iscsi_tcp",),
    ("nfs", "controller"): ("nfsv4",),
    ("nfs", "compute"): ("nfsv4",),
}
"""The kernel's modules that a back end of volumes needs, on the nodes of a role."""


def modules_needed(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """Return the kernel's modules that the node's roles need for the cluster's volumes."""
    wanted = (MODULES.get((cluster.backend, role), ()) for role in node.roles)
    return tuple(dict.fromkeys(name for names in wanted for name in names))


# -- networks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Nic:
    """The interface of one network on one node."""

    node: Node
    network: Network

    @property
    def address(self) -> str:
        """The node's address in the network; empty: none."""
        return str(self.node.addresses.get(self.network.name, ""))

    @property
    def command(self) -> str:
        """The command that shows the interface."""
        return f"ip addr show {self.network.interface}"

    def __str__(self) -> str:
        return f"{self.node.name}-{self.network.name}"


def nics(cluster: Cluster) -> Iterator[Nic]:
    """Yield each required interface: one per address of a node, and the provider interface where Neutron bridges it."""
    for node in cluster.nodes:
        bridges = bool({"network", "compute"} & set(node.roles))
        for network in cluster.networks.values():
            if network.name in node.addresses or (bridges and network.name == "provider"):
                yield Nic(node, network)


def peers(nic: Nic, cluster: Cluster) -> dict[str, str]:
    """Return the other nodes of the network by address; empty where the node itself has no address there."""
    others = [node for node in cluster.nodes if node != nic.node and nic.network.name in node.addresses]
    return {str(node.addresses[nic.network.name]): node.name for node in others} if nic.address else {}


def routed(node: Node, cluster: Cluster) -> dict[str, str]:
    """Return the controllers by address on the VIP's network; empty where the node itself has an address there."""
    network = cluster.network("public").name
    if network in node.addresses:
        return {}
    return {str(controller.at(network)): controller.name for controller in cluster.role("controller")}


def faults(nic: Nic, links: Mapping[str, Interface]) -> list[str]:
    """Return the faults of the interface. `links`: the node's interfaces by name."""
    interface = links.get(nic.network.interface)
    if interface is None:
        return [f"no such interface; there are {', '.join(name for name in links if name != 'lo')}"]
    found = []
    if not interface.up:
        found.append("not up, or no carrier")
    if interface.mtu != nic.network.mtu:
        found.append(f"MTU {interface.mtu}")
    if nic.address and nic.address not in interfaces.addresses(links, interface.name):
        elsewhere = interfaces.holder(links, nic.address)
        found.append(f"{nic.address} is " + (f"on {elsewhere}" if elsewhere else "on no interface"))
    return found


def strangers(nic: Nic, links: Mapping[str, Interface], vip: IPv4Address | None) -> list[str]:
    """Return the node's addresses in the network that are not in the inventory, such as another cluster's VIP."""
    if nic.network.interface not in links:
        return []
    known = {nic.address, str(vip)}
    return [
        address
        for address in interfaces.addresses(links, nic.network.interface)
        if address not in known and IPv4Address(address) in nic.network.cidr
    ]


def carried(
    interface: str, links: Mapping[str, Interface], routes: Mapping[str, str], nodes: Collection[str] = ()
) -> list[str]:
    """Return the routes that use an interface, which Neutron's bridge would cut off.

    `nodes`: the other nodes' addresses in that network, which are left out: prechecks themselves connect from there.
    """
    master = links[interface].master if interface in links else ""
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
    """Return a sentence for each wrong holder of the VIP.

    `holders`: nodes that have the address, and whether this cluster's Pacemaker set it; `answers`: the answer that each
    node and the runner get at the VIP; `macs`: the node of each MAC address.
    """
    found = [f"{name} has {vip}, which this cluster's Pacemaker did not set" for name, ok in holders.items() if not ok]
    if len(holders) > 1:
        found.append(f"{len(holders)} nodes have it: {', '.join(holders)}")
    heard: dict[str, list[str]] = {}
    for listener, answer in answers.items():
        if listener in holders or not answer.answers or macs.get(answer.mac) in holders:
            continue
        if not answer.mac and holders:  # behind a router, or from the host itself
            continue
        heard.setdefault(answer.mac or "a machine", []).append(listener)
    for mac, listeners in heard.items():
        who = f"{macs[mac]} ({mac}), which does not have the address," if mac in macs else mac
        found.append(f"{who} answers to {', '.join(listeners)}")
    return found


# -- ports ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PortOn:
    """A port or a range of ports that a service needs on a node, and the units that may hold it."""

    node: Node
    service: Service
    port: int
    last: int
    protocol: str
    always: bool
    """True where the unit holds the port as long as it runs; else at times only, and other processes may as well."""
    units: frozenset[str]
    shared: frozenset[str] = frozenset()
    """Programs that may hold the port, whatever started them."""

    @property
    def number(self) -> str:
        """The port or range as text, with `/udp` for UDP."""
        last = f"-{self.last}" if self.last != self.port else ""
        return f"{self.port}{last}" + ("/udp" if self.protocol == "udp" else "")

    def __str__(self) -> str:
        return f"{self.node.name}-{self.service.name}-{self.number}"


def ports(cluster: Cluster, catalogue: Catalogue) -> Iterator[PortOn]:
    """Yield every port of the catalogue on each node of its service."""
    for node in cluster.nodes:
        for service in catalogue.on(node):
            units = {service.unit}
            if service.port:
                proxy = {catalogue["haproxy"].unit} if service.proxy and "haproxy" in catalogue else set()
                yield PortOn(node, service, service.port, service.port, "tcp", True, frozenset(units | proxy))
            if service.name == PROXY:
                own = {each.port for each in catalogue.on(node)}
                for at in sorted({at for each in catalogue.proxied() for at in each.vip_ports} - own):
                    yield PortOn(node, service, at, at, "tcp", True, frozenset(units))
            for port in service.ports:
                if port.port != service.port:
                    last, shared = port.last or port.port, frozenset(port.shared)
                    yield PortOn(node, service, port.port, last, port.protocol, port.always, frozenset(units), shared)


def held_by_others(wanted: PortOn, listeners: Iterable[Listener], ours: bool) -> list[str]:
    """Return the listeners that may not hold the port. `ours`: the node already belongs to this cluster."""
    return [str(listener) for listener in listeners if _is_on(wanted, listener) and not _may(wanted, listener, ours)]


def _is_on(wanted: PortOn, listener: Listener) -> bool:
    return listener.protocol == wanted.protocol and wanted.port <= listener.port <= wanted.last


def _may(wanted: PortOn, listener: Listener, ours: bool) -> bool:
    if listener.program in {*wanted.shared, NAME}:
        return True
    if wanted.service.step == "base":  # the operating system may already run it; the build changes its configuration
        return bool(listener.units & wanted.units)
    return ours and (bool(listener.units & wanted.units) or not wanted.always)


# -- names ---------------------------------------------------------------------------------------


def contradictions(cluster: Cluster, hosts_file: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return nodes with another address in the hosts file; 127.x.y.z is accepted, as installers set it."""
    found = []
    for node in cluster.nodes:
        others = [a for a in hosts_file.get(node.name, ()) if a != str(node.management) and not a.startswith("127.")]
        if others:
            found.append(
                f"{node.name} is {', '.join(others)} in the hosts file, and {node.management} in the inventory"
            )
    return found


def earlier_nodes_with_same(cluster: Cluster, node: Node, values: Mapping[str, str]) -> list[str]:
    """Return earlier nodes with the same value, so that each repetition fails one check and the first fails none."""
    names = [other.name for other in cluster.nodes]
    earlier = names[: names.index(node.name)]
    return [name for name in earlier if values.get(name) and values.get(name) == values.get(node.name)]


# -- leftovers -----------------------------------------------------------------------------------


def foreign_data(left: Leftovers, cluster: str) -> tuple[str, ...]:
    """Return paths of services' data on a machine that does not belong to this cluster."""
    return () if left.ours(cluster) else left.data


CLOCK = 10.0
"""Seconds a clock may be wrong before a build: apt refuses package indexes that are further in the future (apt.conf(5),
Acquire::Max-FutureTime); chrony sets the clock when it starts."""


# -- doors ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Knocks:
    """What hosts heard when they knocked at the ports that their services will need."""

    stood_in: Mapping[str, Collection[int]]
    """By host, the ports at which a listener of this tool stood in for a service."""
    asked: Mapping[str, Collection[tuple[str, int]]]
    """By asking host, address and port of each door."""
    answered: Mapping[str, Mapping[tuple[str, int], str]]
    """By asking host, what those doors said that were not silent: `open` or `refused`."""

    def closed(self, node: Node, wanted: Mapping[int, str]) -> dict[str, str]:
        """Return the ports of the node that a host which will ask cannot reach: why, by port, service and host."""
        found = {}
        for asking, places in self.asked.items():
            for address, port in sorted(places):
                said = self.answered[asking].get((address, port), "silent")
                reached = said == "open" or (said == "refused" and port not in self.stood_in.get(node.name, ()))
                if address == str(node.management) and not reached:
                    found[f"{port} ({wanted[port]}) from {asking}"] = _REASONS[said]
        return found


_REASONS = {
    "silent": "no answer: a packet filter on the way drops it",
    "refused": "refused, although a program listens: a packet filter rejects it",
}


def asked(cluster: Cluster, catalogue: Catalogue, node: Node) -> dict[int, str]:
    """Return the TCP ports of the node's own address that the catalogue will need, with their services.

    Of a range it is the first port.
    """
    own = (door for door in doors(cluster, catalogue, node) if door.protocol == "tcp" and door.at == node.management)
    return {door.port: door.service for door in own}


def knocks(cluster: Cluster, catalogue: Catalogue, asking: Node) -> set[tuple[str, int]]:
    """Return address and port of each door of another node at which that node will ask."""
    return {
        (str(door.at), door.port)
        for node in cluster.nodes
        if node is not asking
        for door in doors(cluster, catalogue, node)
        if door.protocol == "tcp" and door.at == node.management and door.lets_in(asking)
    }
