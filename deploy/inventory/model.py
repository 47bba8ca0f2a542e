"""The inventory as frozen data: a cluster, its nodes, networks and options."""

from dataclasses import field, replace
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
    """One network of the nodes. `interface` is the name of its interface on every node."""

    name: str
    cidr: IPv4Network
    interface: str
    gateway: IPv4Address | None = None
    pool: tuple[IPv4Address, IPv4Address] | None = None
    """First and last address that Neutron may assign (provider network)."""
    mtu: int = Field(default=1500, ge=576, le=65535)


@dataclass(frozen=True, config=_STRICT)
class Node:
    """One machine: its roles, its addresses by network, and its power device."""

    name: str
    roles: tuple[Role, ...]
    addresses: dict[str, IPv4Address]
    power: Power | None = None
    disks: tuple[str, ...] = ()
    """Paths of whole disks: Ceph takes each for an OSD, or LVM takes all for the volume group of Cinder. In a lab also
    `file:3`, a sparse file of 3 GiB for Ceph."""

    def __repr__(self) -> str:
        return self.name

    @property
    def management(self) -> IPv4Address:
        """The address of SSH and of the node's services."""
        return self.addresses["management"]

    def at(self, network: str) -> IPv4Address:
        """Return the address on a network of that name; the management address where the node has none there."""
        return self.addresses.get(network, self.management)

    @property
    def migrating(self) -> tuple[IPv4Address, ...]:
        """The addresses at which other computes reach this one to move instances, in SSH and in migrations."""
        return tuple(dict.fromkeys((self.management, self.at("migration"))))


@dataclass(frozen=True, config=_STRICT)
class Ssh:
    """SSH from the runner to the nodes. Time-outs are in seconds."""

    user: str = "root"
    port: int = Field(default=22, ge=1, le=65535)
    key: Path | None = None
    """Private key; None: the SSH agent and the user's default keys."""
    sudo: bool = False
    known_hosts: Path = Path("~/.ssh/known_hosts")
    runners: tuple[IPv4Network, ...] = ()
    """Addresses or networks from which runners come. The suites ask members of services directly from there. SSH itself
    is open to everybody on the management network's interface."""
    connect_timeout: Seconds = 10.0
    command_timeout: Seconds = 300.0


@dataclass(frozen=True, config=_STRICT)
class Image:
    """The guest image. Without `file` and `url` a small image like cirros is built on the runner."""

    file: Path | None = None
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, config=_STRICT)
class Options:
    """Options of the whole cluster."""

    tenant_networks: bool = True
    """True: tenants have VXLAN networks with routers and floating IPs; false: the flat provider network only."""
    router_health_check: bool = False
    """True: an active router pings the provider network's gateway every second, and moves to another node after two
    missing answers. Behind a gateway that answers no ping, no router would stay active."""
    way_out: str = ""
    """The controller through which the other nodes reach other networks: it forwards what they send, with its own
    address. Their default route leads to its management address."""
    drills: bool = False
    """Consent to destructive drills on this cluster."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of each API and worker service on each controller."""
    dns: tuple[IPv4Address, ...] = ()
    """DNS resolvers of instances."""
    ntp: tuple[str, ...] = ()
    """Time servers of the controllers, which serve the time to the other hosts."""
    package_sources: str = ""
    """Content of the hosts' sources.list; empty: the hosts keep their own."""


@dataclass(frozen=True, config=_STRICT)
class Passwords:
    """Keystone's rules for passwords and sign-ins, by their names in keystone.conf.

    The accounts that a build makes are exempt from lock-out, expiry and inactivity: their passwords cannot be guessed,
    and anybody who knows their names could lock them.
    """

    lockout_failure_attempts: int = Field(default=5, ge=0)
    """Failed sign-ins in a row after which a user is locked out; 0: never."""
    lockout_duration: int = Field(default=1800, ge=1)
    """Seconds of a lock-out."""
    password_regex: str = ""
    """What a new password must match; empty: anything does."""
    password_regex_description: str = ""
    """The same in words, which a user reads whose password is refused."""
    password_expires_days: Annotated[int, Field(ge=1)] | None = None
    """Days after which a password must be changed; None: never."""
    unique_last_password_count: int = Field(default=0, ge=0)
    """How many of a user's passwords, the new one included, must differ."""
    minimum_password_age: int = Field(default=0, ge=0)
    """Days that a user must keep a password."""
    disable_user_account_days_inactive: Annotated[int, Field(ge=1)] | None = None
    """Days without a sign-in after which a user is disabled; None: never."""
    password_hash_rounds: int = Field(default=12, ge=10, le=16)
    """The cost of bcrypt: a sign-in takes some 0.25 s of processor time with 12, and twice as long for each more."""

    @property
    def settings(self) -> dict[str, object]:
        """The rules that are in force, by their names in Keystone's section security_compliance."""
        lock_out = {"lockout_duration": self.lockout_duration} if self.lockout_failure_attempts else {}
        return {
            name: value
            for name, value in {
                "lockout_failure_attempts": self.lockout_failure_attempts,
                **lock_out,
                # oslo.config takes a single dollar for the begin of another option's name.
                "password_regex": self.password_regex.replace("$", "$$"),
                "password_regex_description": self.password_regex_description.replace("$", "$$"),
                "password_expires_days": self.password_expires_days,
                "unique_last_password_count": self.unique_last_password_count,
                "minimum_password_age": self.minimum_password_age,
                "disable_user_account_days_inactive": self.disable_user_account_days_inactive,
            }.items()
            if value
        }


@dataclass(frozen=True, config=_STRICT)
class Certificate:
    """The operator's own certificate of the VIP: files on the runner, in PEM. Without it the build has an authority."""

    ca: Path
    """The certificates by which clients verify the VIP's."""
    chain: Path | None = None
    """The VIP's certificate, followed by those between it and `ca`. Only a build needs `chain` and `key`."""
    key: Path | None = None
    """The private key of the VIP's certificate, without a passphrase, which only its owner may read."""


@dataclass(frozen=True, config=_STRICT)
class Services:
    """The choice of optional projects."""

    chosen: tuple[str, ...] | None = None
    """Names of projects; None: every optional project with `default` in its service.toml."""


@dataclass(frozen=True, config=_STRICT)
class Flavor:
    """The size of one flavor, and the number of its instances that the cluster must hold."""

    vcpus: int = Field(ge=1, le=1024)
    memory_mib: int = Field(ge=1, le=2**26)
    disk_gib: int = Field(ge=0, le=2**20)
    """Root and ephemeral disk on the compute; 0 for instances that boot from a volume."""
    instances: int = Field(ge=0, le=10**6)


Ratio = Annotated[float, Field(gt=0, le=1000)]


@dataclass(frozen=True, config=_STRICT)
class Capacity:
    """The load that the computes must hold. Unset values are Nova's defaults and not in nova.conf."""

    flavors: dict[str, Flavor] = field(default_factory=dict)
    cpu_allocation_ratio: Ratio | None = None
    """Virtual CPUs per logical CPU of a compute."""
    ram_allocation_ratio: Ratio | None = None
    disk_allocation_ratio: Ratio | None = None
    reserved_host_cpus: Annotated[int, Field(ge=0, le=1024)] | None = None
    """Logical CPUs of each compute that instances may not use; memory and disk likewise."""
    reserved_host_memory_mib: Annotated[int, Field(ge=0, le=2**26)] | None = None
    reserved_host_disk_mib: Annotated[int, Field(ge=0, le=2**30)] | None = None

    @property
    def settings(self) -> dict[str, float]:
        """The set values, by their names in nova.conf."""
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
class Ceph:
    """Ceph's settings. Unset values depend on whether the cluster is a lab; `Cluster.tuned` has those in force."""

    cache_mib: Annotated[int, Field(ge=16, le=2**20)] | None = None
    """Each OSD's cache (bluestore_cache_size), in MiB; an OSD takes some 100 MiB besides, and 300 under load."""
    placement_groups: Annotated[int, Field(ge=1, le=32768)] | None = None
    """Placement groups of each pool: a power of two. They can be added later, and not be taken away."""
    timeouts: Literal["lab", "upstream"] | None = None
    """`lab`: a lost host is noticed within 3 s, where daemons are never starved for as long; `upstream`: Ceph's own."""
    settings: dict[str, str] = field(default_factory=dict)
    """Further settings of ceph.conf's section [global], by name; they win over those of a build."""


Amount = Annotated[int, Field(ge=1, le=2**62)]
Quota = Annotated[int, Field(ge=-1, le=2**31 - 1)]


@dataclass(frozen=True, config=_STRICT)
class VolumeType:
    """One volume type: what an attached volume of it may do in a second. The hypervisor limits it (front end)."""

    total_iops_sec: Amount | None = None
    """Reads and writes."""
    total_bytes_sec: Amount | None = None

    @property
    def specs(self) -> dict[str, str]:
        """The limits as Cinder's QoS specs, by name."""
        return {name: str(value) for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, config=_STRICT)
class Quotas:
    """What a project may have in Cinder that has no quota of its own; -1: any amount, None: Cinder's default."""

    volumes: Quota | None = None
    snapshots: Quota | None = None
    gigabytes: Quota | None = None
    """GiB of volumes and snapshots."""
    per_volume_gigabytes: Quota | None = None
    """GiB of one volume."""
    backups: Quota | None = None
    backup_gigabytes: Quota | None = None

    @property
    def settings(self) -> dict[str, int]:
        """The set quotas, by their names in Cinder."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, config=_STRICT)
class Cinder:
    """Where volumes are, their types, and how many a project may have."""

    backend: Literal["ceph", "lvm", "nfs"] = "ceph"
    """`lvm`: a volume group on each storage node, whose cinder-volume exports volumes by iSCSI; `nfs`: files in
    `shares`. Also the name of the default volume type."""
    volume_group: str = ""
    """The volume group of each storage node, for `lvm`. A build makes one that is missing of the node's `disks`."""
    shares: tuple[str, ...] = ()
    """NFS exports, for `nfs`: HOST:/PATH. Controllers and computes mount them as root."""
    types: dict[str, VolumeType] = field(default_factory=dict)
    """Volume types with limits, by name."""
    quotas: Quotas = field(default_factory=Quotas)


@dataclass(frozen=True, config=_STRICT)
class Lab:
    """Settings of a cluster whose machines are lab hosts on the runner."""

    image: Literal["full", "bare"] = "full"
    """`full`: an image with all packages; `bare`: base system and sshd, and packages come over the network."""
    disk_gib: int = Field(default=10, ge=1)
    """Maximum size of each host's disk, which is a sparse file on the runner."""


@dataclass(frozen=True, config=_STRICT)
class Cluster:
    """One cluster as its inventory describes it. Data only: nothing here contacts a host."""

    name: str
    platform: str
    nodes: tuple[Node, ...]
    networks: dict[str, Network]
    region: str = "RegionOne"
    vip: IPv4Address | None = None
    """An address of `networks.public`; of the management network where the cluster has no such network."""
    tls: Literal["vip", "off"] | None = None
    """Where TLS ends: `vip`, at HAProxy; `off`, nowhere. None: `vip` in a cluster with a VIP."""
    insecure: bool = False
    """Consent to `tls = "off"` on machines that are no lab."""
    ssh: Ssh = field(default_factory=Ssh)
    certificate: Certificate | None = None
    services: Services = field(default_factory=Services)
    options: Options = field(default_factory=Options)
    passwords: Passwords = field(default_factory=Passwords)
    image: Image = field(default_factory=Image)
    capacity: Capacity | None = None
    ceph: Ceph = field(default_factory=Ceph)
    cinder: Cinder = field(default_factory=Cinder)
    lab: Lab | None = None
    source: Path = Path()

    def role(self, *roles: str) -> tuple[Node, ...]:
        """Return the nodes with any of the roles, in inventory order."""
        return tuple(node for node in self.nodes if set(roles) & set(node.roles))

    def node(self, name: str) -> Node:
        """Return the node of that name; KeyError for an unknown name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def tuned(self) -> Ceph:
        """The settings of Ceph that are in force."""
        lab = self.lab is not None
        return replace(
            self.ceph,
            cache_mib=self.ceph.cache_mib or (64 if lab else 1024),
            placement_groups=self.ceph.placement_groups or (16 if lab else 32),
            timeouts=self.ceph.timeouts or ("lab" if lab else "upstream"),
        )

    @property
    def backend(self) -> str:
        """Where volumes are: `ceph`, `lvm` or `nfs`; empty: nowhere. Where Ceph is chosen, they are in Ceph."""
        if "ceph" in (self.services.chosen or ()):
            return "ceph"
        return "" if self.cinder.backend == "ceph" else self.cinder.backend

    @property
    def volume_types(self) -> tuple[str, ...]:
        """The names of the volume types: the default one, which has the name of the back end, and the inventory's."""
        return tuple(dict.fromkeys((self.backend, *self.cinder.types)))

    def disks(self, node: Node) -> tuple[str, ...]:
        """Return the disks of a storage node; in a lab that names none, one file."""
        return node.disks or (("file:3",) if self.lab else ())

    @property
    def management(self) -> Network:
        """The network of the services."""
        return self.networks["management"]

    def network(self, name: str) -> Network:
        """Return the network of that name, or the management network, which carries what has no network of its own."""
        return self.networks.get(name, self.management)

    @property
    def provider(self) -> Network:
        """The network by which instances and routers reach outside hosts."""
        return self.networks["provider"]

    @property
    def api_address(self) -> IPv4Address:
        """The address of every API for clients: the VIP, or the only controller."""
        return self.vip or self.role("controller")[0].management

    @property
    def encrypted(self) -> bool:
        """True where clients speak TLS with the VIP. Without a VIP there is no HAProxy, and so no TLS."""
        return self.vip is not None and self.tls != "off"

    @property
    def unfenced(self) -> tuple[str, ...]:
        """Controllers whose power Pacemaker cannot switch, each with the reason."""
        return tuple(
            f"{node.name} ({f'no fence agent for the {node.power.driver} driver' if node.power else 'no power device'})"
            for node in self.role("controller")
            if node.power is None or not node.power.fences
        )

    @property
    def fencing(self) -> bool:
        """True where Pacemaker can switch the power of every controller, of which there are several."""
        return len(self.role("controller")) > 1 and not self.unfenced

    @property
    def features(self) -> frozenset[str]:
        """The names of the cluster's features."""
        return features.of(self)
