"""The inventory: what machines there are, as frozen data read from TOML and checked as a whole."""

import tomllib
from collections import Counter
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from deploy.errors import InventoryError

Role = Literal["controller", "network", "compute", "storage"]
ROLES: tuple[Role, ...] = get_args(Role)
BUILT_IN = Path(__file__).parent / "inventories"
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
    mtu: int = 1500


@dataclass(frozen=True, config=_STRICT)
class Power:
    """How a node's power is switched from outside the node: its Redfish BMC."""

    driver: Literal["redfish"]
    url: str
    """The system's own resource, such as https://10.0.0.9:443/redfish/v1/Systems/1"""
    user: str
    password_file: Path
    """A file on the runner, 0600, that holds the password."""
    verify_tls: bool = True


@dataclass(frozen=True, config=_STRICT)
class Node:
    """One machine: its roles, its addresses by network, and how to switch its power."""

    name: str
    roles: tuple[Role, ...]
    addresses: dict[str, IPv4Address]
    power: Power | None = None

    @property
    def management(self) -> IPv4Address:
        """The address its services listen on, and SSH is reached at."""
        return self.addresses["management"]


@dataclass(frozen=True, config=_STRICT)
class Ssh:
    """How the runner reaches the nodes. Deadlines are in seconds."""

    user: str = "root"
    port: int = 22
    key: Path | None = None
    """Private key; none means the SSH agent and the user's default keys."""
    sudo: bool = False
    known_hosts: Path = Path("~/.ssh/known_hosts")
    connect_timeout: float = 10.0
    command_timeout: float = 300.0


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
    drills: bool = False
    """Consent: destructive drills may be run against this cluster."""
    workers: int = 1
    """Processes of each API and worker service on each controller."""
    dns: tuple[IPv4Address, ...] = ()
    """Resolvers handed to instances."""
    ntp: tuple[str, ...] = ()
    """Time servers of the first controller, which serves the others."""
    package_sources: str = ""
    """Content of the hosts' sources.list; empty: the hosts keep what they have."""


@dataclass(frozen=True, config=_STRICT)
class Lab:
    """Only for clusters whose machines are lab hosts on the runner itself."""

    image: Literal["full", "bare"] = "full"
    """full: all packages in the image; bare: base system and sshd, packages come over the network."""
    disk_gib: int = 10
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
    options: Options = field(default_factory=Options)
    image: Image = field(default_factory=Image)
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
    def fencing(self) -> bool:
        """True where every controller's power can be switched from outside."""
        controllers = self.role("controller")
        return len(controllers) > 1 and all(node.power for node in controllers)

    @property
    def features(self) -> frozenset[str]:
        """What the catalogue's `needs` are matched with."""
        present = {
            "ha": self.vip is not None,
            "single": self.vip is None,
            "fencing": self.fencing,
            "tenant-networks": self.options.tenant_networks,
        }
        return frozenset(name for name, there in present.items() if there)


def load(source: str | Path) -> Cluster:
    """Read one inventory: a path, or the name of a built-in one (`lab`, `two-node`).

    Raises InventoryError naming every mistake at once, each with file and key.
    """
    path = Path(source)
    if not path.suffix and not path.exists():
        path = BUILT_IN / f"{source}.toml"
    return parse(_read(path), path)


def parse(raw: dict[str, Any], path: Path) -> Cluster:
    """Turn the tables of an inventory into a Cluster, or raise InventoryError with all mistakes."""
    try:
        cluster = TypeAdapter(Cluster).validate_python(_flatten(raw, path))
    except ValidationError as error:
        raise _refusal(path, _spelled(error)) from None
    mistakes = check(cluster)
    if mistakes:
        raise _refusal(path, mistakes)
    return cluster


def check(cluster: Cluster) -> list[str]:
    """Every contradiction inside one inventory, as `key: what is wrong`."""
    return [
        *_missing_networks(cluster),
        *_unnamed_nodes(cluster),
        *_role_mistakes(cluster),
        *_address_mistakes(cluster),
        *_vip_mistakes(cluster),
        *_pool_mistakes(cluster),
        *_image_mistakes(cluster),
    ]


def _missing_networks(cluster: Cluster) -> list[str]:
    return [
        f"networks.{name}: missing; every cluster has a management and a provider network"
        for name in ("management", "provider")
        if name not in cluster.networks
    ]


def _unnamed_nodes(cluster: Cluster) -> list[str]:
    return [
        f"nodes.{node.name}.management: missing; every node needs an address there"
        for node in cluster.nodes
        if "management" not in node.addresses
    ]


def _role_mistakes(cluster: Cluster) -> list[str]:
    controllers = len(cluster.role("controller"))
    mistakes = []
    if controllers == 0:
        mistakes.append("nodes: no node has the role controller")
    elif controllers % 2 == 0:
        mistakes.append(
            f"nodes: {controllers} controllers carry the database; "
            "an even number cannot keep a quorum when the network splits, use 1, 3 or 5"
        )
    if controllers > 1 and cluster.vip is None:
        mistakes.append(f"cluster.vip: missing; {controllers} controllers need an address to share")
    if controllers == 1 and cluster.vip is not None:
        mistakes.append("cluster.vip: set, but there is only one controller to hold it")
    mistakes += [f"nodes: no node has the role {role}" for role in ("network", "compute") if not cluster.role(role)]
    mistakes += [f"nodes.{node.name}.roles: empty" for node in cluster.nodes if not node.roles]
    return mistakes


def _address_mistakes(cluster: Cluster) -> list[str]:
    mistakes = []
    uses = Counter(address for node in cluster.nodes for address in node.addresses.values())
    for node in cluster.nodes:
        for name, address in node.addresses.items():
            key = f"nodes.{node.name}.{name}"
            network = cluster.networks.get(name)
            if network is None:
                mistakes.append(f"{key}: no network of that name; known: {', '.join(cluster.networks)}")
            elif address not in network.cidr:
                mistakes.append(f"{key}: {address} is not inside networks.{name}.cidr {network.cidr}")
            if uses[address] > 1:
                mistakes.append(f"{key}: {address} is used {uses[address]} times")
    return mistakes


def _vip_mistakes(cluster: Cluster) -> list[str]:
    if cluster.vip is None:
        return []
    mistakes = []
    management = cluster.networks.get("management")
    if management and cluster.vip not in management.cidr:
        mistakes.append(f"cluster.vip: {cluster.vip} is not inside networks.management.cidr {management.cidr}")
    mistakes += [
        f"cluster.vip: {cluster.vip} is also nodes.{node.name}.{name}"
        for node in cluster.nodes
        for name, address in node.addresses.items()
        if address == cluster.vip
    ]
    return mistakes


def _pool_mistakes(cluster: Cluster) -> list[str]:
    provider = cluster.networks.get("provider")
    if provider is None:
        return []
    if provider.pool is None:
        return ["networks.provider.pool: missing; Neutron needs a range to hand out"]
    first, last = provider.pool
    mistakes = [
        f"networks.provider.pool: {end} is not inside networks.provider.cidr {provider.cidr}"
        for end in provider.pool
        if end not in provider.cidr
    ]
    if first > last:
        mistakes.append(f"networks.provider.pool: {first} comes after {last}")
    taken = {f"nodes.{node.name}.{name}": a for node in cluster.nodes for name, a in node.addresses.items()}
    if provider.gateway:
        taken["networks.provider.gateway"] = provider.gateway
    mistakes += [
        f"networks.provider.pool: holds {address}, which is {key}"
        for key, address in taken.items()
        if first <= address <= last
    ]
    return mistakes


def _image_mistakes(cluster: Cluster) -> list[str]:
    image = cluster.image
    if image.file and image.url:
        return ["image: has both file and url; name one"]
    if image.url and not image.sha256:
        return ["image.sha256: missing; an image from a URL is only used with its checksum"]
    return []


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in BUILT_IN.glob("*.toml")))
        raise InventoryError(
            f"no inventory at {path}",
            expected=f"a TOML file, or the name of a built-in inventory: {known}",
            hint="pass --inventory FILE; deploy/inventories/production.example.toml is one to start from",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InventoryError(f"inventory {path} cannot be read", seen=str(error), hint="mend the file") from None


def _flatten(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """The file's tables in the shape of Cluster: tables keyed by name become lists and named entries."""
    tables = dict(raw)
    cluster = tables.pop("cluster", {})
    tables["networks"] = {
        name: {**entry, "name": name} if isinstance(entry, dict) else entry
        for name, entry in _table(tables, "networks").items()
    }
    tables["nodes"] = [
        _node(name, entry, set(tables["networks"])) if isinstance(entry, dict) else entry
        for name, entry in _table(tables, "nodes").items()
    ]
    return {**(cluster if isinstance(cluster, dict) else {}), **tables, "source": path}


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name, {})
    return found if isinstance(found, dict) else {}


def _node(name: str, entry: dict[str, Any], networks: set[str]) -> dict[str, Any]:
    addresses = {key: value for key, value in entry.items() if key in networks}
    rest = {key: value for key, value in entry.items() if key not in networks}
    return {**rest, "name": name, "addresses": addresses}


def _spelled(error: ValidationError) -> list[str]:
    return [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]


def _refusal(path: Path, mistakes: list[str]) -> InventoryError:
    listed = "".join(f"\n  {path}: {mistake}" for mistake in mistakes)
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return InventoryError(f"inventory {path} has {count}; no host was touched{listed}", hint="mend the file and run again")
