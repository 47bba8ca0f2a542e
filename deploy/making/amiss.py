"""Findings of a step's services: units, Pacemaker's clones, APIs, and liveness as APIs list it. Reads only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from deploy import cloud
from deploy.catalogue import Service
from deploy.facts import compute, health, network, pacemaker, sockets, systemd, volumes
from deploy.facts.pacemaker import PacemakerStatus
from deploy.finding import Finding
from deploy.host import Host, Hosts
from deploy.snapshot import Snapshot

Services = Mapping[str, list[Service]]
"""Services with a unit, by host name."""


def ordinary(now: Snapshot, step: str) -> Iterator[Finding]:
    """Yield every finding of a step's services, causes before consequences."""
    down = False
    for found in units(now, step):
        down = True
        yield found
    yield from served(now, step)
    if not down:  # a unit that is down cannot report, and these API calls cost most
        yield from reports(now, step)


def served(now: Snapshot, step: str) -> Iterator[Finding]:
    """Yield clones that do not run on all members, and APIs that do not answer at the API address."""
    yield from clones(now, step)
    yield from apis(now, step)


# -- units -----------------------------------------------------------------------------------------


def units(now: Snapshot, step: str, hosts: Hosts | None = None) -> Iterator[Finding]:
    """Yield a step's units that are down, have the wrong manager, or run and do not serve, on `hosts` or all its hosts.

    On a host with a finding about a unit's state, no unit of the step is checked for serving.
    """
    site = now.site
    hosts = site.hosts.role(*site.catalogue.roles(step)) if hosts is None else hosts
    services = {name: [each for each in site.services(step, host.node) if each.unit] for name, host in hosts.items()}
    down: dict[str, list[Service]] = {}
    running: dict[str, list[Service]] = {}
    for name, states in now.each(_hosts(now, services), partial(_states, now), "units").items():
        found = list(health.states(name, services[name], states))
        yield from found
        if found:
            down[name] = health.down(services[name], states)
        else:
            running[name] = services[name]
    yield from _squatters(now, down)
    yield from _serving(now, running)


def _serving(now: Snapshot, services: Services) -> Iterator[Finding]:
    """Yield running units that fail their health check, or on a host without such, do not listen on their port."""
    unhealthy = set()
    checked = {name: [each for each in those if each.health] for name, those in services.items()}
    for name, codes in now.each(_hosts(now, checked), partial(_codes, now), "health checks").items():
        for found in health.unhealthy(name, checked[name], codes):
            unhealthy.add(name)
            yield found
    unchecked = {
        name: [each for each in those if each.port and not each.health]
        for name, those in services.items()
        if name not in unhealthy
    }
    silent = {}
    for name, listeners in now.each(_hosts(now, unchecked), sockets.listening).items():
        silent[name] = health.silent(unchecked[name], listeners)
        yield from (
            Finding(f"{each.unit} does not listen on port {each.port}", name, each.unit) for each in silent[name]
        )
    yield from _squatters(now, silent)


def _squatters(now: Snapshot, services: Services) -> Iterator[Finding]:
    wanted = {name: [each for each in those if each.port] for name, those in services.items()}
    for name, listeners in now.each(_hosts(now, wanted), sockets.listening).items():
        yield from health.squatters(now.site.hosts[name], wanted[name], listeners)


def _hosts(now: Snapshot, services: Services) -> Hosts:
    return Hosts(now.site.hosts[name] for name, those in services.items() if those)


def _states(now: Snapshot, host: Host) -> dict[str, systemd.Unit]:
    return systemd.units(host, [service.unit for service in now.units(host.node)])


def _codes(now: Snapshot, host: Host) -> dict[str, int]:
    return health.codes(host, now.units(host.node), now.site.addresses)


# -- Pacemaker -------------------------------------------------------------------------------------


def view(now: Snapshot) -> PacemakerStatus:
    """Return Pacemaker's status from the first member that reports any online member."""
    return now.first(now.site.members("pacemaker"), pacemaker.status, usable=lambda status: bool(status.online))


def clones(now: Snapshot, step: str) -> Iterator[Finding]:
    """Yield the step's clones that Pacemaker does not run on all its members."""
    names = [service.name for service in now.site.catalogue.step(step) if service.by_pacemaker]
    if not names:
        return
    members, running = tuple(sorted(now.site.members("pacemaker"))), view(now).running
    for name in names:
        if running.get(name, ()) != members:
            yield misplaced(name, running.get(name, ()))


def misplaced(resource: str, nodes: Iterable[str]) -> Finding:
    """Return the finding of a resource that runs on the wrong nodes; `nodes`: where it runs."""
    where = ", ".join(nodes) or "no node"
    return Finding(f"Pacemaker: {resource} runs on {where}", hint="crm_mon -1 -r -f on a controller")


# -- APIs ------------------------------------------------------------------------------------------


def apis(now: Snapshot, step: str) -> Iterator[Finding]:
    """Yield the step's APIs that do not answer at the API address."""
    for service in now.site.catalogue.step(step):
        if service.is_api and service.health:
            url = now.site.addresses.api(service.name).url(service.health.path)
            if not cloud.answers(url, service.health.expect, now.site.ca):
                status = " or ".join(map(str, service.health.expect))
                yield Finding(
                    f"{service.name} does not answer with status {status} at {url}",
                    hint="the runner must reach the API address; HAProxy's statistics page shows the members",
                )


def reports(now: Snapshot, step: str) -> Iterator[Finding]:
    """Yield services that an API lists as dead: the step's own, and records of hosts not in the inventory."""
    site = now.site
    mine = [service for service in site.catalogue.step(step) if service.reports_to]
    for project in dict.fromkeys(service.reports_to for service in mine):
        alive = now.once(f"services alive in {project}", partial(_alive, now, project))
        expected = {
            (service.name, host): service
            for service in mine
            if service.reports_to == project
            for host in site.members(service.name)
        }
        for (name, host), service in expected.items():
            if not alive.get((name, host)):
                yield Finding(f"{name} is not alive according to {project.capitalize()}", host, service.unit)
        for (name, host), is_alive in alive.items():
            if not is_alive and (name, host) not in expected and _reporter(now, project, name) == step:
                yield Finding(
                    f"{name} is not alive according to {project.capitalize()}, and is not in the inventory",
                    host,
                    foreign=True,
                    hint="`openstack compute service delete` or `openstack network agent delete` removes the record",
                )


_REPORTERS: dict[str, Callable[[Any], list[tuple[str, str, bool]]]] = {
    "nova": lambda session: [(each.binary, each.host, each.up) for each in compute.services(session)],
    "neutron": lambda session: [(each.binary, each.host, each.alive) for each in network.agents(session)],
    "cinder": lambda session: [(each.binary, each.host, each.up) for each in volumes.services(session)],
}
"""Name, host and life of each service that ever reported, by the project that it reports to."""


def _alive(now: Snapshot, project: str) -> dict[tuple[str, str], bool]:
    """Return whether each service that ever reported is alive, by service name and host name."""
    with cloud.explained(f"listing the services in {project.capitalize()}"):
        session = now.opened("administrator", partial(cloud.connect, now.site))
        listed = _REPORTERS[project](session)
    found: dict[tuple[str, str], bool] = {}
    for name, host, is_alive in listed:
        found[name, host] = found.get((name, host), True) and is_alive
    return found


def _reporter(now: Snapshot, project: str, name: str) -> str:
    """Return the step of the service of that name; for an unknown name, the first step with reporting services."""
    reporting = [service for service in now.site.catalogue.services if service.reports_to == project]
    return next((service for service in reporting if service.name == name), reporting[0]).step
