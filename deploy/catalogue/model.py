"""The model of the catalogue: projects and their services, resolved for one cluster on one platform."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from deploy.catalogue.promises import Limits, Promise, declared
from deploy.defect import Defect
from deploy.inventory import Node, Role
from deploy.inventory.features import FeatureName

STRICT = ConfigDict(extra="forbid", populate_by_name=True)
Source = Literal["members", "hosts", "clients", "runners", "controller", "network", "compute", "storage"]
"""Who may open connections to a port: `members`: the hosts of the service itself; `hosts`: all hosts of the cluster;
`clients`: everybody who uses the cloud; `runners`: where this program runs (`ssh.runners` of the inventory); a role:
the hosts of that role."""
Victim = Literal["vip", "neither", "leader", "monitor", "writer", "not-writer", "serving", "router", "instance"]
"""Which host of a service a drill breaks, by the host's duty at that moment (fixtures/drills/who.py)."""


@dataclass(frozen=True, config=STRICT)
class Health:
    """The health check of a service: a URL path, and the HTTP status codes that mean healthy."""

    path: str
    expect: tuple[int, ...] = (200,)
    port: int | None = None
    """The port of the health check; None: the service's own port."""
    signed_in: str = ""
    """A path for requests with a token. The answer needs the token's validation and the database, and little else."""
    tenant: str = ""
    """The path that probes of drills read several times a second, where tenants may not read `signed_in`, or where that
    costs much; `{project}` is the tenant's project."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that a request for `tenant` needs."""


@dataclass(frozen=True, config=STRICT)
class Endpoint:
    """The service's entry in Keystone's catalogue."""

    name: str
    type: str
    path: str = ""


@dataclass(frozen=True, config=STRICT)
class Proxy:
    """How HAProxy forwards a service's connections from the VIP."""

    mode: Literal["http", "tcp"] = "http"
    strategy: Literal["balance", "first"] = "balance"
    """`balance`: to all members; `first`: to one member, with the others as backup."""
    check_every: int = 1
    """Seconds between two health checks of a member that is up."""
    client_timeout: int = 60
    """Seconds after which HAProxy closes an idle connection."""
    port: int | None = None
    """The port at the VIP; None: the service's own."""
    redirected: int | None = None
    """Another port at the VIP, by plain HTTP, where HAProxy answers each request with a redirect to https."""
    relayed: bool = False
    """True where the clients are proxies, whose X-Forwarded-For the service needs; only they may ask at the port."""


@dataclass(frozen=True, config=STRICT)
class Port:
    """An additional port of a service, for peers or tools."""

    name: str
    """The port's name in templates and code, unique within the service."""
    port: int
    use: str
    sources: tuple[Source, ...] = Field(validation_alias="from")
    """Who may ask at the port: `from` in the file."""
    last: int | None = None
    """The last port of a range."""
    unit: str = ""
    """The unit that opens the port; empty: the service's own."""
    protocol: Literal["tcp", "udp"] = "tcp"
    on: Literal["management", "loopback", "any"] = "management"
    """The address the port is bound to."""
    network: Literal["management", "tunnel", "migration", "storage"] = "management"
    """The network of the port and of those who ask, where the cluster has one of that name."""
    always: bool = True
    """False: open only at times, such as during a state transfer."""
    needs: tuple[FeatureName, ...] = ()
    shared: tuple[str, ...] = ()
    """Programs that may hold the port before a build, whatever started them: one process serves the whole machine."""


@dataclass(frozen=True, config=STRICT)
class Files:
    """Owner and mode of the files of one set of templates."""

    owner: str = "root:root"
    mode: str = "0644"
    folder: str = ""
    """Mode of the files' folder, which then gets the same owner; empty: the build leaves the folder as it is."""
    whole: bool = False
    """True: a build removes every other file below the folder."""
    paths: dict[str, "Files"] = Field(default_factory=dict)
    """Exceptions, by path on the host."""

    def of(self, path: str) -> "Files":
        """Return the owner and mode of one path."""
        return self.paths.get(path, self)


@dataclass(frozen=True, config=STRICT)
class TemplateSet:
    """A folder of templates; a path inside the folder is the path on the host."""

    folder: str
    """The folder's path below templates/, such as `nova/files`."""
    files: Files = Field(default_factory=Files)


@dataclass(frozen=True, config=STRICT)
class Keystone:
    """Roles and domain of a project in Keystone, besides its account and endpoints."""

    roles: tuple[str, ...] = ()
    """Roles that the build creates where they are missing."""
    domain: str = ""
    """The project's own domain; empty: none."""
    domain_admin: str = ""
    """The user that administers the domain."""


@dataclass(frozen=True, config=STRICT)
class Service:
    """One service: at most one unit, on each node of its roles."""

    name: str
    project: str
    step: str
    """The step that builds the service: the project's own, unless the entry names another."""
    kind: str = ""
    roles: tuple[Role, ...] = ("controller",)
    runner: bool = False
    """True: no host has the service; its files are for the runner."""
    needs: tuple[FeatureName, ...] = ()
    sets: tuple[TemplateSet, ...] = ()
    secrets: tuple[str, ...] = ()
    """The uses of the secrets (deploy/secrets.py) that the service needs in its files. Those of the project's table are
    those of each of its services. A host that is no controller may hold those of its own services alone."""
    packages: tuple[str, ...] = ()
    """The platform's package names."""
    unit: str = ""
    """The unit's name on the platform, without `.service`; empty: the service has no unit."""
    runs_as: str = ""
    """The account of the unit's worker processes; the parent process that starts and watches them may be root's."""
    daemon: bool = True
    """False: the unit's processes end once they have done their work, and the unit stays active."""
    program: str = ""
    """The file with an API's WSGI `application`; the API's log is named after the file."""
    paths: dict[str, str] = Field(default_factory=dict)
    """Paths of the service on the platform, by the name that its templates use in their text and in their own paths."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Settings that the service needs on this platform only, by key."""
    defaults: dict[str, float] = Field(default_factory=dict)
    """The release's defaults of unset settings, by key; only those that this project calculates with."""
    internals: dict[str, str] = Field(default_factory=dict)
    """Expressions in the service's own language that depend on its release, by the name that templates and facts
    use."""
    manager: Literal["systemd", "pacemaker"] = "systemd"
    """The program that starts the unit. Pacemaker starts units only on its own members, in a cluster with a VIP."""
    watched_every: int = 10
    """Seconds between two of Pacemaker's monitor operations."""
    tries: int = 50
    """Failures on one node after which Pacemaker moves dependent resources away; 1: systemd already retried."""
    port: int | None = None
    scheme: Literal["http", "https"] = "http"
    """`https` where the service itself ends TLS at all its ports."""
    sources: tuple[Source, ...] = Field(default=(), validation_alias="from")
    """Who may ask at `port`: `from` in the file. Behind HAProxy: who may ask at the VIP."""
    ports: tuple[Port, ...] = ()
    """Ports besides `port`, which is for clients."""
    health: Health | None = None
    proxy: Proxy | None = None
    endpoint: Endpoint | None = None
    processes: int = 0
    """uWSGI processes per worker of the inventory's `workers`; 0: the service does not run in uWSGI.

    Each process has one thread. The applications import parts of eventlet, and oslo.log then uses eventlet's locks;
    two threads that contend for one lock hang for ever ("cannot switch to a different thread").
    """
    imports: tuple[str, ...] = ()
    """Python modules that uWSGI's workers must load although only configuration files name them."""
    arguments: tuple[str, ...] = ()
    """Command line arguments of the program."""
    prepared: str = ""
    """The path of a page that the WSGI program can answer before uWSGI forks the workers, because neither opens a
    connection. The workers then share the memory of what that loads. Empty: only imports happen before."""
    uwsgi: tuple[str, ...] = ()
    """Lines of uWSGI's configuration that this service alone needs."""
    streams: bool = False
    """True where a request or response carries a whole image, so that it is large and slow."""
    reports_to: Literal["", "nova", "neutron", "cinder"] = ""
    """The project whose API lists this service as alive or not; empty: none does."""
    topics: tuple[str, ...] = ()
    """The topics of the service's RPC servers (oslo.messaging). Each host consumes the queue of the topic's name and
    the queue `<topic>.<host>`."""
    backend: str = ""
    """The back end of a service that is `<host>@<backend>` to its clients; empty: the service is the host to them."""
    escalates: bool = False
    """True: the service starts programs as root, with sudo, so that its unit forbids less."""
    lose: dict[str, Victim] = Field(default_factory=dict)
    """Drills that stop the service's processes: the victim by the name of the drill's target."""
    lose_only: Literal["all", "main"] = "all"
    """Which of the unit's processes a drill stops."""
    proofs: tuple[str, ...] = ()
    """Probes, as promise or promise/way, that fail where no process of the service works; for an API, its own read. A
    drill that takes a process away proves nothing without one of them."""
    alone: dict[str, float] = Field(default_factory=dict)
    """Allowed outage in seconds of promises that one process keeps alone, while a drill takes that process away."""
    budget: str = ""
    """The table of budgets (promises.toml) for the API's promise; empty: none."""
    note: str = ""

    def __repr__(self) -> str:
        return self.name

    @property
    def by_pacemaker(self) -> bool:
        """True where Pacemaker starts the unit; else systemd does."""
        return bool(self.unit) and self.manager == "pacemaker"

    def queue(self, topic: str, host: str) -> str:
        """Return the name of the queue of one of its topics that is for that host alone."""
        return f"{topic}.{host}@{self.backend}" if self.backend else f"{topic}.{host}"

    @property
    def shares_calls(self) -> bool:
        """True where any of the service's RPC servers may take a call; elsewhere a call is for one host."""
        return bool(self.topics) and self.roles == ("controller",)

    @property
    def client_port(self) -> int | None:
        """The port at the VIP; None for a service without a port."""
        return (self.proxy.port if self.proxy else None) or self.port

    @property
    def vip_ports(self) -> tuple[int, ...]:
        """All ports at the VIP: the one for clients, and the one that redirects to it."""
        redirected = self.proxy.redirected if self.proxy else None
        return tuple(port for port in (self.client_port, redirected) if port)

    @property
    def is_api(self) -> bool:
        """True for a service that clients reach by HTTP at the API address."""
        return bool(self.port and self.health and self.proxy and self.proxy.mode == "http")

    def further(self, name: str) -> Port:
        """Return the additional port of that name; KeyError where the service has none in this cluster."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"service {self.name} has no port named {name}")

    def on(self, node: Node) -> bool:
        """Return True where the service runs on that node."""
        return not self.runner and bool(set(self.roles) & set(node.roles))


@dataclass(frozen=True, config=STRICT)
class Rbd:
    """A client of Ceph, and what it may do there."""

    client: str
    """Its name, without `client.`; its key is the secret `ceph.<name>`, in /etc/ceph/ceph.client.<name>.keyring."""
    pools: tuple[str, ...]
    """The pools that the build creates for it; it reads and writes them."""
    writes: tuple[str, ...] = ()
    """Pools of other clients that it reads and writes as well."""
    reads: tuple[str, ...] = ()
    """Pools of other clients that it only reads."""

    @property
    def rights(self) -> dict[str, str]:
        """What the client may ask of each kind of daemon, in Ceph's words (`caps`)."""
        own = [f"profile rbd pool={pool}" for pool in (*self.pools, *self.writes)]
        read = [f"profile rbd-read-only pool={pool}" for pool in self.reads]
        return {"mon": "profile rbd", "mgr": ", ".join(own), "osd": ", ".join([*own, *read])}


@dataclass(frozen=True, config=STRICT)
class Project:
    """One folder of templates/: the services, databases and account that one step builds."""

    name: str
    title: str
    requires: tuple[str, ...] = ()
    """Projects that are built before this one, and that a cluster with this project must have."""
    after: tuple[str, ...] = ()
    """Projects that are built before this one where the cluster has them."""
    last: bool = False
    """True: all other projects are built before this one."""
    optional: bool = False
    """True where the inventory chooses whether the cluster has the project."""
    default: bool = True
    """True where a cluster whose inventory sets no `services.chosen` has this optional project."""
    needs: tuple[FeatureName, ...] = ()
    database: tuple[str, ...] = ()
    account: str = ""
    """The project's user in Keystone. Its databases' owner has the same name; where empty, the project's name."""
    administers: str = ""
    """Why the account needs the role admin in the project `service`; empty: it has the role service alone, with which
    it validates tokens."""
    queue: str = ""
    """The account of the project's services in RabbitMQ, and their virtual host, which has the same name. Projects
    whose services call each other have the same; empty: the project does not use RabbitMQ."""
    migrate: tuple[str, ...] = ()
    """Commands that upgrade the databases' schema, run as `runs_as`."""
    schema: str = ""
    """The package; a new version of it makes the migrations run again."""
    runs_as: str = ""
    """The system account that runs the migrations."""
    defects: tuple[Defect, ...] = ()
    """Known defects in the project's packages on this platform."""
    review: str = ""
    """The project's own command that checks an installation, such as `nova-status`."""
    data: tuple[str, ...] = ()
    """Folders with users' data on the hosts; the removal of the project keeps them."""
    gone: tuple[str, ...] = ()
    """Files that builds of earlier versions wrote on the hosts; the build deletes them."""
    idle: tuple[str, ...] = ()
    """Units that the platform's packages bring and no service of the project uses; the build disables them."""
    keystone: Keystone = Field(default_factory=Keystone)
    rbd: tuple[Rbd, ...] = ()
    """The project's clients of Ceph, in a cluster with Ceph; the step of Ceph makes their pools and keys."""
    services: tuple[Service, ...] = ()

    def __repr__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """The name of the database account that owns the project's databases."""
        return self.account or self.name


@dataclass(frozen=True, config=STRICT)
class Catalogue:
    """All projects of one cluster, each after its required projects, and the cluster's promises."""

    projects: tuple[Project, ...]
    promises: tuple[Promise, ...] = ()
    taken_along: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Optional projects that are present only because others require them: name to the requiring projects."""

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The services of all projects, in the projects' order."""
        return tuple(service for project in self.projects for service in project.services)

    def __getitem__(self, name: str) -> Service:
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(service.name == name for service in self.services)

    def has(self, project: str) -> bool:
        """Return True where the cluster has that project."""
        return any(each.name == project for each in self.projects)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the operator: each project that the cluster has although the inventory did not choose it."""
        return tuple(
            f"{name} is added, because {' and '.join(by)} require{'s' if len(by) == 1 else ''} it"
            for name, by in self.taken_along.items()
        )

    def project(self, name: str) -> Project:
        """Return the project of that name; KeyError where the cluster has none."""
        for project in self.projects:
            if project.name == name:
                return project
        raise KeyError(name)

    @property
    def queues(self) -> tuple[str, ...]:
        """The accounts of the projects in RabbitMQ, each with a virtual host of its name, without duplicates."""
        return tuple(dict.fromkeys(project.queue for project in self.projects if project.queue))

    def step(self, name: str) -> tuple[Service, ...]:
        """Return the services that one step builds."""
        return tuple(service for service in self.services if service.step == name)

    def roles(self, step: str) -> tuple[Role, ...]:
        """Return the roles of the services that one step builds, without duplicates."""
        return tuple(dict.fromkeys(role for service in self.step(step) for role in service.roles))

    def on(self, node: Node) -> tuple[Service, ...]:
        """Return the services of one node."""
        return tuple(service for service in self.services if service.on(node))

    def proxied(self) -> tuple[Service, ...]:
        """Return the services that clients reach through the VIP."""
        return tuple(service for service in self.services if service.proxy and service.port)

    def budgets(self, fault: str) -> dict[str, float]:
        """Return allowed outages in seconds for that class of fault, by the names of the promises that have one."""
        return {promise.name: promise.budget[fault] for promise in self.promises if fault in promise.budget}

    def limits(self, fault: str) -> dict[str, Limits]:
        """Return the limits for that class of fault by promise; empty for a fault for which services must stop."""
        if fault in declared().stops:
            return {}
        found = {promise.name: promise.limits for promise in self.promises if fault in promise.budget}
        return {name: limits for name, limits in found.items() if limits}

    def endpoints(self) -> tuple[Service, ...]:
        """Return the services with an endpoint in Keystone's catalogue."""
        return tuple(service for service in self.services if service.endpoint)


def packages(services: Iterable[Service]) -> list[str]:
    """Return the packages of the services, without duplicates."""
    return list(dict.fromkeys(package for service in services for package in service.packages))
