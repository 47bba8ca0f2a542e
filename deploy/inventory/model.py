"""The inventory as frozen data: a cluster, its nodes and networks, and the choices made for it."""

from dataclasses import field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from deploy.inventory import features
from deploy.inventory.power import Power

Role = Literal["controller", "network", "compute", "storage"]
Seconds = Annotated[float, Field(gt=0, le=86400)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Network:
    """One network the nodes share. `interface` is the name of its NIC on every node."""

    name: str
    cidr: IPv4Network
    interface: str
    gateway: IPv4Address | None = None
    pool: tuple[IPv4Address, IPv4Address] | None = None
    """First and last address that Neutron may hand out (provider network)."""
    mtu: int = Field(default=1500, ge=576, le=65535)


@dataclass(frozen=True, config=_STRICT)
class Node:
    """One machine: its roles, its addresses by network, and how to switch its power."""

    name: str
    roles: tuple[Role, ...]
    addresses: dict[str, IPv4Address]
    power: Power | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def management(self) -> IPv4Address:
        """The address its services listen on, and SSH is reached at."""
        return self.addresses["management"]


@dataclass(frozen=True, config=_STRICT)
class Ssh:
    """How the runner reaches the nodes. Deadlines are in seconds."""

    user: str = "root"
    port: int = Field(default=22, ge=1, le=65535)
    key: Path | None = None
    """Private key; none means the SSH agent and the user's default keys."""
    sudo: bool = False
    known_hosts: Path = Path("~/.ssh/known_hosts")
    connect_timeout: Seconds = 10.0
    command_timeout: Seconds = 300.0


@dataclass(frozen=True, config=_STRICT)
class Image:
    """The guest image tenants boot. Neither file nor url: a cirros-like one is built on the runner."""

    file: Path | None = None
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, config=_STRICT)
class Options:
    """Choices for the whole cluster."""

    tenant_networks: bool = True
    """VXLAN networks of the tenants' own, with routers and floating IPs; false: flat provider only."""
    router_health_check: bool = False
    """An active router pings the provider network's gateway every second, and moves to another node where that does not
    answer twice; with a gateway that answers nobody no router would stay active."""
    drills: bool = False
    """Consent: destructive drills may be run against this cluster."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of each API and worker service on each controller."""
    dns: tuple[IPv4Address, ...] = ()
    """Resolvers handed to instances."""
    ntp: tuple[str, ...] = ()
    """Time servers of the first controller, which serves the others."""
    package_sources: str = ""
    """Content of the hosts' sources.list; empty: the hosts keep what they have."""


@dataclass(frozen=True, config=_STRICT)
class Services:
    """Which of the optional projects the cluster has."""

    chosen: tuple[str, ...] | None = None
    """Names of projects; none: every optional project whose entry in the catalogue is a default one."""


@dataclass(frozen=True, config=_STRICT)
class Flavor:
    """What an instance of one flavor takes, and how many of them the cluster must carry."""

    vcpus: int = Field(ge=1, le=1024)
    memory_mib: int = Field(ge=1, le=2**26)
    disk_gib: int = Field(ge=0, le=2**20)
    """Root and ephemeral disk on the compute; 0 for one that boots from a volume."""
    instances: int = Field(ge=0, le=10**6)


Ratio = Annotated[float, Field(gt=0, le=1000)]


@dataclass(frozen=True, config=_STRICT)
class Capacity:
    """What the computes must carry. What is not set is left to Nova, and nova.conf says nothing of it."""

    flavors: dict[str, Flavor] = field(default_factory=dict)
    cpu_allocation_ratio: Ratio | None = None
    """Virtual CPUs promised for each logical CPU of a compute."""
    ram_allocation_ratio: Ratio | None = None
    disk_allocation_ratio: Ratio | None = None
    reserved_host_cpus: Annotated[int, Field(ge=0, le=1024)] | None = None
    """Logical CPUs of each compute that are kept from instances; memory and disk likewise."""
    reserved_host_memory_mib: Annotated[int, Field(ge=0, le=2**26)] | None = None
    reserved_host_disk_mib: Annotated[int, Field(ge=0, le=2**30)] | None = None

    @property
    def settings(self) -> dict[str, float]:
        """What is set, by the names of nova.conf."""
        chosen = {
            "cpu_allocation_ratio": self.cpu_allocation_ratio,
            "ram_allocation_ratio": self.ram_allocation_ratio,
            "disk_allocation_ratio": self.disk_allocation_ratio,
            "reserved_host_cpus": self.reserved_host_cpus,
            "reserved_host_memory_mb": self.reserved_host_memory_mib,
            "reserved_host_disk_mb": self.reserved_host_disk_mib,
        }
        return {key: value for key, value in chosen.items() if value is not None}


@dataclass(frozen=True, config=_STRICT)
class Lab:
    """Only for clusters whose machines are lab hosts on the runner itself."""

    image: Literal["full", "bare"] = "full"
    """full: all packages in the image; bare: base system and sshd, packages come over the network."""
    disk_gib: int = Field(default=10, ge=1)
    """Bound of each host's own disk; a sparse file, so only what is written is used."""


@dataclass(frozen=True, config=_STRICT)
class Cluster:
    """What should exist. Data only: nothing here touches a host."""

    name: str
    platform: str
    nodes: tuple[Node, ...]
    networks: dict[str, Network]
    region: str = "RegionOne"
    vip: IPv4Address | None = None
    ssh: Ssh = field(default_factory=Ssh)
    services: Services = field(default_factory=Services)
    options: Options = field(default_factory=Options)
    image: Image = field(default_factory=Image)
    capacity: Capacity | None = None
    lab: Lab | None = None
    source: Path = Path()

    def role(self, *roles: str) -> tuple[Node, ...]:
        """The nodes that carry any of `roles`, in inventory order."""
        return tuple(node for node in self.nodes if set(roles) & set(node.roles))

    def node(self, name: str) -> Node:
        """The node of that name; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def management(self) -> Network:
        """The network the services talk on."""
        return self.networks["management"]

    @property
    def provider(self) -> Network:
        """The network instances and routers reach the world by."""
        return self.networks["provider"]

    @property
    def api_address(self) -> IPv4Address:
        """Where clients find every API: the VIP, or the only controller."""
        return self.vip or self.role("controller")[0].management

    @property
    def unfenced(self) -> tuple[str, ...]:
        """The controllers whose power Pacemaker cannot switch, each with the reason."""
        return tuple(
            f"{node.name} ({f'no fence agent for the {node.power.driver} driver' if node.power else 'no power device'})"
            for node in self.role("controller")
            if node.power is None or not node.power.fences
        )

    @property
    def fencing(self) -> bool:
        """True where Pacemaker can switch every controller's power from outside."""
        return len(self.role("controller")) > 1 and not self.unfenced

    @property
    def features(self) -> frozenset[str]:
        """The names of the features that it has."""
        return features.of(self)
