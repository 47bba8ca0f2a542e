"""Health: what is amiss with the units of a host, by what systemd says, what they answer and what they listen on."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

from deploy.catalogue import Addresses, Service
from deploy.errors import CommandFailed
from deploy.facts.sockets import ANY, Listener
from deploy.facts.systemd import Unit
from deploy.finding import Finding
from deploy.host import Reads


def states(host: str, services: Sequence[Service], seen: Mapping[str, Unit]) -> Iterator[Finding]:
    """What is amiss with the state of those services' units on a host."""
    for service in services:
        unit = seen[service.unit]
        if unit.load == "not-found":
            yield Finding(f"{service.unit} is not installed", host, service.unit, final=True)
        elif unit.is_failed and not service.by_pacemaker:
            yield Finding(f"{unit.name} failed", host, service.unit, final=True)
        elif unit.skipped and not unit.is_active:
            told = f"{unit.name} was not started (systemctl status tells the condition): it failed"
            yield Finding(told, host, service.unit, final=True)
        elif unit.is_failed:  # after a cold start an API may be up before its database is
            yield Finding(f"{unit.name} failed, and Pacemaker has not started it again yet", host, service.unit)
        elif not unit.is_active:
            yield Finding(f"{unit.name} is {unit.active}", host, service.unit)
        elif unit.is_enabled == service.by_pacemaker:
            owner = "Pacemaker" if unit.is_enabled else "systemd"
            yield Finding(f"{unit.name} is {unit.enabled}, though {owner} owns it", host, service.unit)
        elif unit.pending:
            yield Finding(f"{unit.name} has not restarted since its files changed", host, service.unit)


def down(services: Sequence[Service], seen: Mapping[str, Unit]) -> list[Service]:
    """Those services whose unit is installed and does not run."""
    return [each for each in services if seen[each.unit].load != "not-found" and not seen[each.unit].is_active]


def squatters(host: Reads, services: Sequence[Service], listeners: Collection[Listener]) -> Iterator[Finding]:
    """The processes that hold the ports of those services, none of which holds its own."""
    wanted = {service.port: service.unit for service in services if service.port}
    for listener in listeners:
        unit = wanted.get(listener.port)
        if unit and unit not in listener.units and _is_in_the_way(host, listener):
            yield Finding(f"port {listener.port}, which {unit} needs, is held: {listener}", host.name, unit)


def _is_in_the_way(host: Reads, listener: Listener) -> bool:
    """Not what HAProxy has at the VIP: units are bound to the node's own address."""
    return listener.address in {ANY, str(host.node.management)}


def silent(services: Sequence[Service], listeners: Collection[Listener]) -> list[Service]:
    """Those services, of the ones with a port and no health check, that do not listen.

    A unit that starts, finds its port taken and starts again looks well in between; one that listens is.
    """
    bound = {(unit, listener.port) for listener in listeners for unit in listener.units}
    return [each for each in services if each.port and not each.health and (each.unit, each.port) not in bound]


def codes(host: Reads, services: Sequence[Service], addresses: Addresses) -> dict[str, int]:
    """The status code that each service with a health check answers on that host, by its name; 0: none."""
    asked = [service for service in services if service.health]
    if not asked:
        return {}
    script = ""
    for service in asked:
        url = addresses.health(host.node, service.name)
        script += f"curl -s -o /dev/null -m 5 -w '%{{http_code}}\\n' {shlex.quote(url)} || true\n"
    answers = host.run("sh -s", stdin=script, timeout=60).out.split()
    if len(answers) != len(asked):
        raise CommandFailed(f"{host.name}: {len(asked)} health checks gave {len(answers)} answers: {answers}")
    return {service.name: int(code) for service, code in zip(asked, answers, strict=True)}


def unhealthy(host: str, services: Sequence[Service], answers: Mapping[str, int]) -> Iterator[Finding]:
    """Those services whose health check does not answer what it should."""
    for service in services:
        if service.health and answers[service.name] not in service.health.expect:
            yield Finding(f"{service.name} answers {answers[service.name]:03d}", host, service.unit)
