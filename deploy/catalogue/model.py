"""The model of the catalogue: projects and their services, resolved for one cluster on one platform."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from deploy.catalogue.promises import Promise
from deploy.defect import Defect
from deploy.inventory import Node, Role
from deploy.inventory.features import FeatureName

STRICT = ConfigDict(extra="forbid")
Victim = Literal["vip", "neither", "leader", "writer", "not-writer", "serving", "router", "instance"]
"""Which of a service's hosts a drill hits, by what the host does at that moment (fixtures/drills/who.py)."""


@dataclass(frozen=True, config=STRICT)
class Health:
    """How a service shows that it can serve: a path, and the status codes that mean yes."""

    path: str
    expect: tuple[int, ...] = (200,)
    port: int | None = None
    """The port of the health check, where it is not the service's own."""
    signed_in: str = ""
    """A path for a signed-in user. It takes the validation of the token and the database, and little else."""


@dataclass(frozen=True, config=STRICT)
class Endpoint:
    """The service's entry in Keystone's catalogue."""

    name: str
    type: str
    path: str = ""


@dataclass(frozen=True, config=STRICT)
class Proxy:
    """How HAProxy carries a service behind the VIP."""

    mode: Literal["http", "tcp"] = "http"
    strategy: Literal["balance", "first"] = "balance"
    """balance: all members; first: one member, with the others as its backup."""
    check_every: int = 1
    """Seconds between two checks of a member that is up."""
    client_timeout: int = 60
    """Seconds that a silent connection is kept."""


@dataclass(frozen=True, config=STRICT)
class Port:
    """A port that a service listens on besides its own, for peers or tools."""

    name: str
    """How templates and code call it; no other port of the service has this name."""
    port: int
    use: str
    last: int | None = None
    """The last port of a range."""
    unit: str = ""
    """The unit that holds it, where it is not the service's own."""
    protocol: Literal["tcp", "udp"] = "tcp"
    on: Literal["management", "loopback", "any"] = "management"
    """The address it is bound to."""
    always: bool = True
    """False: only at times, such as during a state transfer."""
    needs: tuple[FeatureName, ...] = ()
    shared: tuple[str, ...] = ()
    """Programs that may hold it before a build and whoever started them: one of them serves all of a machine."""


@dataclass(frozen=True, config=STRICT)
class Files:
    """Owner and mode of the files of one set of templates."""

    owner: str = "root:root"
    mode: str = "0644"
    folder: str = ""
    """Mode of the folder they lie in, which then has their owner; empty: the folder stays as it is."""
    whole: bool = False
    """True: the folder holds these files and nothing else; a build removes every other file below it."""
    paths: dict[str, "Files"] = Field(default_factory=dict)
    """Exceptions, by the template's path on the host."""

    def of(self, path: str) -> "Files":
        """The owner and mode of one path."""
        return self.paths.get(path, self)


@dataclass(frozen=True, config=STRICT)
class TemplateSet:
    """A folder of templates, whose inner paths are the hosts' paths."""

    folder: str
    """Below templates/, such as `nova/files`."""
    files: Files = Field(default_factory=Files)


@dataclass(frozen=True, config=STRICT)
class Keystone:
    """What a project needs in Keystone besides its account and endpoints."""

    roles: tuple[str, ...] = ()
    """Roles that must exist."""
    domain: str = ""
    """A domain of the project's own."""
    domain_admin: str = ""
    """The user that administers this domain."""


@dataclass(frozen=True, config=STRICT)
class Service:
    """One service: at most one unit, on every node of its roles."""

    name: str
    project: str
    step: str
    """The step that builds it: the project's own, unless the entry names another."""
    kind: str = ""
    roles: tuple[Role, ...] = ("controller",)
    needs: tuple[FeatureName, ...] = ()
    sets: tuple[TemplateSet, ...] = ()
    packages: tuple[str, ...] = ()
    """The platform's package names."""
    unit: str = ""
    """The unit's name on the platform, without `.service`; empty: the service has no unit."""
    runs_as: str = ""
    """The account that does the unit's work. A process that only starts and watches the workers may be root's."""
    program: str = ""
    """The file that holds an API's WSGI `application`; the API's log is named after this file."""
    paths: dict[str, str] = Field(default_factory=dict)
    """The platform's paths of the service, by the names that its templates, and the paths of its templates, use."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Lines of the service's configuration that only the platform's release needs, by key."""
    defaults: dict[str, float] = Field(default_factory=dict)
    """What the platform's release takes where the configuration is silent, by key; only what is calculated with."""
    internals: dict[str, str] = Field(default_factory=dict)
    """Expressions in the service's own language that hold for the platform's release only, by the names that
    templates and facts use for them."""
    manager: Literal["systemd", "pacemaker"] = "systemd"
    """The program that starts the unit. Pacemaker starts only units of its own members, in a cluster with a VIP."""
    watched_every: int = 10
    """Seconds between two of Pacemaker's checks of the unit."""
    tries: int = 50
    """Failures on one node after which Pacemaker moves what depends on the unit; 1: systemd has tried before."""
    port: int | None = None
    ports: tuple[Port, ...] = ()
    """Ports besides `port`, which clients use."""
    health: Health | None = None
    proxy: Proxy | None = None
    endpoint: Endpoint | None = None
    processes: int = 0
    """uWSGI processes for each of the inventory's workers; 0: the service does not run in uWSGI.

    Each process has one thread. The applications import parts of eventlet, and oslo.log then uses eventlet's locks;
    two threads that meet in one hang for ever ("cannot switch to a different thread").
    """
    imports: tuple[str, ...] = ()
    """Modules that only configuration files name, and that uWSGI's workers need beside what the program imports."""
    arguments: tuple[str, ...] = ()
    """Command line arguments of the program."""
    streams: bool = False
    """Requests and answers are as long as an image, and take as long as that takes."""
    reports_to: Literal["", "nova", "neutron"] = ""
    """The project whose API says that this service is alive."""
    lose: dict[str, Victim] = Field(default_factory=dict)
    """Drills that take its processes away: by the drill's name for it, the host that is hit."""
    lose_only: Literal["all", "main"] = "all"
    """Which of the unit's processes a drill takes away."""
    budget: str = ""
    """The table of budgets that an API's promise has (promises.toml); empty: none."""
    note: str = ""

    def __repr__(self) -> str:
        return self.name

    @property
    def by_pacemaker(self) -> bool:
        """True where Pacemaker, and not systemd, starts the unit."""
        return bool(self.unit) and self.manager == "pacemaker"

    @property
    def is_api(self) -> bool:
        """True for a service that clients reach over HTTP at the API address."""
        return bool(self.port and self.health and self.proxy and self.proxy.mode == "http")

    def further(self, name: str) -> Port:
        """The further port of that name; KeyError where the service has none in this cluster."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"service {self.name} has no port named {name}")

    def on(self, node: Node) -> bool:
        """True where this service runs on that node."""
        return bool(set(self.roles) & set(node.roles))


@dataclass(frozen=True, config=STRICT)
class Project:
    """One folder of templates/: services that one step builds, with their databases and their account."""

    name: str
    title: str
    requires: tuple[str, ...] = ()
    """Projects that must be built before; a cluster that has this one has them as well."""
    after: tuple[str, ...] = ()
    """Projects that are built before where the cluster has them."""
    optional: bool = False
    """A cluster may go without it: the inventory chooses."""
    default: bool = True
    """An inventory that chooses nothing has this optional project."""
    needs: tuple[FeatureName, ...] = ()
    database: tuple[str, ...] = ()
    account: str = ""
    """The project's user in Keystone, which also owns its databases; empty: the databases are owned by its name."""
    migrate: tuple[str, ...] = ()
    """Commands that bring the databases' schema up to date, run as the project's own system account."""
    schema: str = ""
    """The package whose version decides whether the migrations run again."""
    runs_as: str = ""
    """The system account that runs the migrations."""
    defects: tuple[Defect, ...] = ()
    """What is wrong in the project's packages of the platform's release."""
    review: str = ""
    """The project's own check of an installation, such as `nova-status`."""
    data: tuple[str, ...] = ()
    """Folders on its hosts that hold what its users stored; the removal of the project leaves them."""
    keystone: Keystone = Field(default_factory=Keystone)
    services: tuple[Service, ...] = ()

    def __repr__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """The database account that owns the project's databases."""
        return self.account or self.name


@dataclass(frozen=True, config=STRICT)
class Catalogue:
    """All projects of one cluster, each after those it requires, and all that the cluster promises."""

    projects: tuple[Project, ...]
    promises: tuple[Promise, ...] = ()
    taken_along: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Optional projects that the inventory did not choose: by name, the projects that require each."""

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The services of all projects, in order."""
        return tuple(service for project in self.projects for service in project.services)

    def __getitem__(self, name: str) -> Service:
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(service.name == name for service in self.services)

    def has(self, project: str) -> bool:
        """True where the cluster has that project."""
        return any(each.name == project for each in self.projects)

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know of the choice of projects, a sentence each."""
        return tuple(
            f"{name} is taken along, because {' and '.join(by)} require{'s' if len(by) == 1 else ''} it"
            for name, by in self.taken_along.items()
        )

    def project(self, name: str) -> Project:
        """The project of that name; KeyError where the cluster has none."""
        for project in self.projects:
            if project.name == name:
                return project
        raise KeyError(name)

    def step(self, name: str) -> tuple[Service, ...]:
        """The services that one step builds."""
        return tuple(service for service in self.services if service.step == name)

    def roles(self, step: str) -> tuple[Role, ...]:
        """The roles of the services that one step builds, each once."""
        return tuple(dict.fromkeys(role for service in self.step(step) for role in service.roles))

    def on(self, node: Node) -> tuple[Service, ...]:
        """The services of one node."""
        return tuple(service for service in self.services if service.on(node))

    def proxied(self) -> tuple[Service, ...]:
        """The services that clients reach through the VIP."""
        return tuple(service for service in self.services if service.proxy and service.port)

    def budgets(self, fault: str) -> dict[str, float]:
        """Seconds that each promise with a budget for that class of fault may be away, by the promise's name."""
        return {promise.name: promise.budget[fault] for promise in self.promises if fault in promise.budget}

    def endpoints(self) -> tuple[Service, ...]:
        """The services that Keystone's catalogue lists."""
        return tuple(service for service in self.services if service.endpoint)


def packages(services: Iterable[Service]) -> list[str]:
    """The packages of those services, each once."""
    return list(dict.fromkeys(package for service in services for package in service.packages))
