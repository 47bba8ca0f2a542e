"""Health: findings about the units of a host, from systemd's state, health checks and listening sockets."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

from deploy.catalogue import Addresses, Service
from deploy.errors import CommandFailed
from deploy.facts.sockets import ANY, Listener
from deploy.facts.systemd import Unit
from deploy.finding import Finding
from deploy.host import Reads


def states(host: str, services: Sequence[Service], units: Mapping[str, Unit]) -> Iterator[Finding]:
    """Yield a finding for each service whose unit is in a wrong state on that host. `units`: states by unit name."""
    for service in services:
        unit = units[service.unit]
        if unit.load == "not-found":
            yield Finding(f"{service.unit} is not installed", host, service.unit, final=True)
        elif unit.is_failed and not service.by_pacemaker:
            yield Finding(f"{unit.name} failed", host, service.unit, final=True)
        elif unit.skipped and not unit.is_active:
            reason = f"{unit.name} was not started: a condition of the unit does not hold (systemctl status names it)"
            yield Finding(reason, host, service.unit, final=True)
        elif unit.is_failed:  # after a cold start an API may start before its database
            yield Finding(f"{unit.name} failed, and Pacemaker has not started it again yet", host, service.unit)
        elif not unit.is_active:
            yield Finding(f"{unit.name} is {unit.active}", host, service.unit)
        elif unit.is_enabled == service.by_pacemaker:
            owner = "Pacemaker" if unit.is_enabled else "systemd"
            yield Finding(f"{unit.name} is {unit.enabled}, though {owner} owns it", host, service.unit)
        elif unit.pending:
            yield Finding(f"{unit.name} has not restarted since its files changed", host, service.unit)


def down(services: Sequence[Service], units: Mapping[str, Unit]) -> list[Service]:
    """Return the services whose unit is installed and not active."""
    return [each for each in services if units[each.unit].load != "not-found" and not units[each.unit].is_active]


def squatters(host: Reads, services: Sequence[Service], listeners: Collection[Listener]) -> Iterator[Finding]:
    """Yield a finding for each process that holds the port of one of the services, which do not listen themselves."""
    wanted = {service.port: service.unit for service in services if service.port}
    for listener in listeners:
        unit = wanted.get(listener.port)
        if unit and unit not in listener.units and _blocks(host, listener):
            yield Finding(f"port {listener.port}, which {unit} needs, is held: {listener}", host.name, unit)


def _blocks(host: Reads, listener: Listener) -> bool:
    """True for a socket at the node's own address or at all addresses. HAProxy's sockets at the VIP block no unit."""
    return listener.address in {ANY, str(host.node.management)}


def silent(services: Sequence[Service], listeners: Collection[Listener]) -> list[Service]:
    """Return the services with a port and no health check whose unit does not listen on the port.

    A unit whose port is taken restarts in a loop and is active in between; only its socket shows that it serves.
    """
    bound = {(unit, listener.port) for listener in listeners for unit in listener.units}
    return [each for each in services if each.port and not each.health and (each.unit, each.port) not in bound]


def codes(host: Reads, services: Sequence[Service], addresses: Addresses) -> dict[str, int]:
    """Return the HTTP status of each health check on that host, by service name; 0: no answer within 5 s."""
    checked = [service for service in services if service.health]
    if not checked:
        return {}
    script = ""
    for service in checked:
        url = addresses.health(host.node, service.name)
        script += f"curl -s -o /dev/null -m 5 -w '%{{http_code}}\\n' {shlex.quote(url)} || true\n"
    answers = host.run("sh -s", stdin=script, timeout=60).out.split()
    if len(answers) != len(checked):
        raise CommandFailed(f"{host.name}: {len(checked)} health checks gave {len(answers)} answers: {answers}")
    return {service.name: int(code) for service, code in zip(checked, answers, strict=True)}


def unhealthy(host: str, services: Sequence[Service], answers: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a finding for each service whose health check did not return an expected status. `answers`: by name."""
    for service in services:
        if service.health and answers[service.name] not in service.health.expect:
            yield Finding(f"{service.name} answers {answers[service.name]:03d}", host, service.unit)
