"""What is amiss with a step's services: units, Pacemaker's clones, APIs, and those that do not report. Reads only."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from deploy import cloud
from deploy.catalogue import Service
from deploy.facts import compute, health, network, pacemaker, sockets, systemd
from deploy.facts.pacemaker import PacemakerStatus
from deploy.finding import Finding
from deploy.host import Host, Hosts
from deploy.snapshot import Snapshot

Services = Mapping[str, list[Service]]
"""Services with a unit, by the host's name."""


def ordinary(now: Snapshot, step: str) -> Iterator[Finding]:
    """All that is amiss with the services of a step, causes before consequences."""
    down = False
    for found in units(now, step):
        down = True
        yield found
    yield from served(now, step)
    if not down:  # a unit that does not run cannot report, and these APIs cost most to ask
        yield from reports(now, step)


def served(now: Snapshot, step: str) -> Iterator[Finding]:
    """Clones that do not run everywhere, and APIs that do not answer at the address that clients use."""
    yield from clones(now, step)
    yield from apis(now, step)


# -- units -----------------------------------------------------------------------------------------


def units(now: Snapshot, step: str, hosts: Hosts | None = None) -> Iterator[Finding]:
    """Units of a step that do not run, are owned by the wrong manager, or run and do not serve; on all its hosts.

    On a host where a unit of the step does not run, none of them is asked whether it serves.
    """
    site = now.site
    hosts = site.hosts.role(*site.catalogue.roles(step)) if hosts is None else hosts
    services = {name: [each for each in site.services(step, host.node) if each.unit] for name, host in hosts.items()}
    down: dict[str, list[Service]] = {}
    running: dict[str, list[Service]] = {}
    for name, seen in now.each(_asked(now, services), partial(_states, now), "units").items():
        found = list(health.states(name, services[name], seen))
        yield from found
        if found:
            down[name] = health.down(services[name], seen)
        else:
            running[name] = services[name]
    yield from _squatters(now, down)
    yield from _serving(now, running)


def _serving(now: Snapshot, services: Services) -> Iterator[Finding]:
    """Of units that run: what does not answer its health check, or where all do, does not listen on its port."""
    unhealthy = set()
    checked = {name: [each for each in those if each.health] for name, those in services.items()}
    for name, codes in now.each(_asked(now, checked), partial(_codes, now), "health checks").items():
        for found in health.unhealthy(name, checked[name], codes):
            unhealthy.add(name)
            yield found
    unchecked = {
        name: [each for each in those if each.port and not each.health]
        for name, those in services.items()
        if name not in unhealthy
    }
    silent = {}
    for name, listeners in now.each(_asked(now, unchecked), sockets.listening).items():
        silent[name] = health.silent(unchecked[name], listeners)
        yield from (
            Finding(f"{each.unit} does not listen on port {each.port}", name, each.unit) for each in silent[name]
        )
    yield from _squatters(now, silent)


def _squatters(now: Snapshot, services: Services) -> Iterator[Finding]:
    wanted = {name: [each for each in those if each.port] for name, those in services.items()}
    for name, listeners in now.each(_asked(now, wanted), sockets.listening).items():
        yield from health.squatters(now.site.hosts[name], wanted[name], listeners)


def _asked(now: Snapshot, services: Services) -> Hosts:
    return Hosts(now.site.hosts[name] for name, those in services.items() if those)


def _states(now: Snapshot, host: Host) -> dict[str, systemd.Unit]:
    return systemd.units(host, [service.unit for service in now.units(host.node)])


def _codes(now: Snapshot, host: Host) -> dict[str, int]:
    return health.codes(host, now.units(host.node), now.site.addresses)


# -- Pacemaker -------------------------------------------------------------------------------------


def view(now: Snapshot) -> PacemakerStatus:
    """The cluster as the first member of Pacemaker sees it that sees any."""
    return now.first(now.site.members("pacemaker"), pacemaker.status, usable=lambda seen: bool(seen.online))


def clones(now: Snapshot, step: str) -> Iterator[Finding]:
    """Units that Pacemaker does not run on all of its members."""
    names = [service.name for service in now.site.catalogue.step(step) if service.by_pacemaker]
    if not names:
        return
    members, running = tuple(sorted(now.site.members("pacemaker"))), view(now).running
    for name in names:
        if running.get(name, ()) != members:
            yield misplaced(name, running.get(name, ()))


def misplaced(resource: str, nodes: Iterable[str], *, foreign: bool = False) -> Finding:
    """A resource that does not run where it should."""
    where = ", ".join(nodes) or "no node"
    return Finding(f"Pacemaker: {resource} runs on {where}", hint="crm_mon -1 -r -f on a controller", foreign=foreign)


# -- APIs ------------------------------------------------------------------------------------------


def apis(now: Snapshot, step: str) -> Iterator[Finding]:
    """APIs of the step that do not answer at the address that clients use."""
    for service in now.site.catalogue.step(step):
        if service.is_api and service.health:
            url = now.site.addresses.api(service.name).url(service.health.path)
            if not cloud.answers(url, service.health.expect):
                status = " or ".join(map(str, service.health.expect))
                yield Finding(
                    f"{service.name} does not answer with status {status} at {url}",
                    hint="the runner must reach the API address; HAProxy's statistics page shows the members",
                )


def reports(now: Snapshot, step: str) -> Iterator[Finding]:
    """Services that Nova or Neutron does not take for alive: the step's own, and those it remembers of other hosts."""
    site = now.site
    mine = [service for service in site.catalogue.step(step) if service.reports_to]
    for project in dict.fromkeys(service.reports_to for service in mine):
        alive = now.once(f"what is alive, as {project} sees it", partial(_alive, now, project))
        expected = {
            (service.name, host): service
            for service in mine
            if service.reports_to == project
            for host in site.members(service.name)
        }
        for (name, host), service in expected.items():
            if not alive.get((name, host)):
                yield Finding(f"{name} is not alive, as {project.capitalize()} sees it", host, service.unit)
        for (name, host), is_alive in alive.items():
            if not is_alive and (name, host) not in expected and _reporter(now, project, name) == step:
                yield Finding(
                    f"{name} is not alive, as {project.capitalize()} sees it, and is none of the inventory's",
                    host,
                    foreign=True,
                    hint="`openstack compute service delete` or `openstack network agent delete` forgets it",
                )


def _alive(now: Snapshot, project: str) -> dict[tuple[str, str], bool]:
    """Whether each service that ever reported is alive, by its name and its host's."""
    with cloud.told(f"asking {project.capitalize()} what is alive"):
        session = now.opened("administrator", partial(cloud.connect, now.site))
        listed = (
            [(each.binary, each.host, each.up) for each in compute.services(session)]
            if project == "nova"
            else [(each.binary, each.host, each.alive) for each in network.agents(session)]
        )
    found: dict[tuple[str, str], bool] = {}
    for name, host, is_alive in listed:
        found[name, host] = found.get((name, host), True) and is_alive
    return found


def _reporter(now: Snapshot, project: str, name: str) -> str:
    """The step that answers for a service of that name; for an unknown one, the first step whose services report."""
    reporting = [service for service in now.site.catalogue.services if service.reports_to == project]
    return next((service for service in reporting if service.name == name), reporting[0]).step
