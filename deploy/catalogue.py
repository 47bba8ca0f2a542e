"""The catalogue: the services as data, from which proxies, endpoints, accounts, resources and checks derive."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from deploy.inventory import Cluster, Node, Role

_STRICT = ConfigDict(extra="forbid")
Feature = Literal["ha", "single", "fencing", "ipmi-fencing", "tenant-networks", "router-health-check", "second-compute"]


@dataclass(frozen=True, config=_STRICT)
class Health:
    """How a service tells that it can serve: a path, and the status codes that mean yes."""

    path: str
    expect: tuple[int, ...] = (200,)
    port: int | None = None
    """Where it is asked, when that is not the service's own port."""
    signed_in: str = ""
    """A path for who has signed in: it takes the token's validation and the database, and little else."""


@dataclass(frozen=True, config=_STRICT)
class Endpoint:
    """What Keystone's catalogue says of a service."""

    name: str
    type: str
    path: str = ""


@dataclass(frozen=True, config=_STRICT)
class Proxy:
    """How HAProxy carries a service behind the VIP."""

    mode: Literal["http", "tcp"] = "http"
    strategy: Literal["balance", "first"] = "balance"
    """balance: all members; first: one member, the others as backup."""
    check_every: int = 1
    """Seconds between two checks of a member that is up."""
    client_timeout: int = 60
    """Seconds a silent connection is kept."""


@dataclass(frozen=True, config=_STRICT)
class Port:
    """A port a service listens on besides its own, for peers or tools."""

    port: int
    use: str
    last: int | None = None
    """Of a range: its last port."""
    unit: str = ""
    """Which holds it, where that is not the service's own."""
    protocol: Literal["tcp", "udp"] = "tcp"
    on: Literal["management", "loopback", "any"] = "management"
    """The address it is bound on."""
    always: bool = True
    """False: only at times, such as during a state transfer."""
    needs: tuple[Feature, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Files:
    """Owner and mode of the files of one set of templates."""

    owner: str = "root:root"
    mode: str = "0644"
    folder: str = ""
    """Mode of the folder they are in, which is then their owner's too; empty: as it is."""
    files: dict[str, "Files"] = Field(default_factory=dict)
    """Exceptions, by the template's path."""


@dataclass(frozen=True, config=_STRICT)
class Service:
    """One service: at most one unit, on every node of its roles."""

    name: str
    step: str
    roles: tuple[Role, ...]
    needs: tuple[Feature, ...] = ()
    packages: tuple[str, ...] = ()
    """Package groups of the platform."""
    templates: tuple[str, ...] = ()
    unit: str = ""
    manager: Literal["systemd", "pacemaker"] = "systemd"
    """Who starts the unit in a highly available cluster; without a VIP it is always systemd."""
    watched_every: int = 10
    """Seconds between two looks of Pacemaker at the unit."""
    tries: int = 50
    """Failures on one node after which Pacemaker moves what needs it elsewhere; 1: systemd has tried before."""
    port: int | None = None
    ports: tuple[Port, ...] = ()
    """Those besides `port`, which clients use."""
    health: Health | None = None
    proxy: Proxy | None = None
    database: tuple[str, ...] = ()
    account: str = ""
    """The service's user in Keystone."""
    endpoint: Endpoint | None = None
    processes: int = 0
    """uWSGI's, for each of the inventory's workers; 0: not a uWSGI service.

    Each has one thread: what they import is eventlet's in part, and oslo.log then takes its locks for the log; two
    threads that meet in one hang for ever ("cannot switch to a different thread").
    """
    imports: tuple[str, ...] = ()
    """Modules that uWSGI's workers need beside those their script names, as files of configuration name them."""
    streams: bool = False
    """Requests and answers are as long as an image, and take as long as that takes."""
    budget: dict[str, float] = Field(default_factory=dict)
    """Allowed outage in seconds, by class of fault; the file names one of its `budgets` tables."""
    note: str = ""

    def __repr__(self) -> str:
        return self.name

    def on(self, node: Node) -> bool:
        """True where this service runs on that node."""
        return bool(set(self.roles) & set(node.roles))


@dataclass(frozen=True, config=_STRICT)
class Catalogue:
    """All services of one cluster, in the order they are built."""

    services: tuple[Service, ...]
    templates: dict[str, Files]

    def __getitem__(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)

    def __contains__(self, name: str) -> bool:
        return any(service.name == name for service in self.services)

    def of(self, cluster: Cluster) -> "Catalogue":
        """The catalogue without what this cluster's features leave out."""
        kept = tuple(service for service in self.services if set(service.needs) <= cluster.features)
        return Catalogue(services=kept, templates=self.templates)

    def step(self, name: str) -> tuple[Service, ...]:
        """The services that one step builds."""
        return tuple(service for service in self.services if service.step == name)

    def on(self, node: Node) -> tuple[Service, ...]:
        """The services of one node."""
        return tuple(service for service in self.services if service.on(node))

    def proxied(self) -> tuple[Service, ...]:
        """The services that clients reach through the VIP."""
        return tuple(service for service in self.services if service.proxy and service.port)

    def endpoints(self) -> tuple[Service, ...]:
        """The services that Keystone's catalogue lists."""
        return tuple(service for service in self.services if service.endpoint)


@cache
def load() -> Catalogue:
    """Read the catalogue that lies beside this file."""
    raw = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    budgets = {"": {}, **raw["budgets"]}
    services = [
        {**entry, "name": name, "budget": budgets[entry.get("budget", "")]} for name, entry in raw["services"].items()
    ]
    return TypeAdapter(Catalogue).validate_python({"services": services, "templates": raw["templates"]})
