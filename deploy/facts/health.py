"""Health: what is not as it should be with the units of a host, found by reading only."""

import shlex

from deploy.catalogue import Addresses, Service
from deploy.facts import sockets, systemd
from deploy.host import Host


def troubles(host: Host, services: list[Service], addresses: Addresses) -> list[str]:
    """What is not as it should be with those services on that host, in two round trips."""
    seen = systemd.units(host, [service.unit for service in services])
    found = []
    for service in services:
        unit = seen[service.unit]
        if unit.load == "not-found":
            found.append(f"{service.unit} is not installed")
        elif unit.is_failed and not service.by_pacemaker:
            found.append(f"{unit.name} failed")
        elif unit.skipped and not unit.is_active:
            found.append(f"{unit.name} was not started (systemctl status tells the condition): it failed")
        elif unit.is_failed:  # after a cold start an API may be up before its database is
            found.append(f"{unit.name} failed, and Pacemaker has not started it again yet")
        elif not unit.is_active:
            found.append(f"{unit.name} is {unit.active}")
        elif unit.is_enabled == service.by_pacemaker:
            found.append(
                f"{unit.name} is {unit.enabled}, though {'Pacemaker' if unit.is_enabled else 'systemd'} owns it"
            )
        elif unit.pending:
            found.append(f"{unit.name} has not restarted since its files changed")
    if found:
        return found + _squatters(host, [service for service in services if _is_down(seen[service.unit])])
    return _unhealthy(host, services, addresses) or _unbound(host, services)


def _is_down(unit: systemd.Unit) -> bool:
    return unit.load != "not-found" and not unit.is_active


def _squatters(host: Host, services: list[Service]) -> list[str]:
    """Who holds the ports of units that do not run."""
    wanted = {service.port: service.unit for service in services if service.port}
    if not wanted:
        return []
    return [
        f"port {listener.port}, which {wanted[listener.port]} needs, is held: {listener}"
        for listener in sockets.listening(host)
        if listener.port in wanted and wanted[listener.port] not in listener.units and _is_in_the_way(host, listener)
    ]


def _is_in_the_way(host: Host, listener: sockets.Listener) -> bool:
    """Not what HAProxy has at the VIP: units are bound to the node's own address."""
    return listener.address in {sockets.ANY, str(host.node.management)}


def _unbound(host: Host, services: list[Service]) -> list[str]:
    """A unit that starts, finds its port taken and starts again looks well in between; one that listens is."""
    asked = [service for service in services if service.port and not service.health]
    if not asked:
        return []
    bound = {(unit, listener.port) for listener in sockets.listening(host) for unit in listener.units}
    silent = [service for service in asked if (service.unit, service.port) not in bound]
    return [
        *(f"{service.unit} does not listen on port {service.port}" for service in silent),
        *_squatters(host, silent),
    ]


def _unhealthy(host: Host, services: list[Service], addresses: Addresses) -> list[str]:
    asked = [service for service in services if service.health]
    if not asked:
        return []
    script = ""
    for service in asked:
        url = addresses.health(host.node, service.name)
        script += f"curl -s -o /dev/null -m 5 -w '%{{http_code}}\\n' {shlex.quote(url)} || true\n"
    codes = host.run("sh -s", stdin=script, timeout=60).out.split()
    if len(codes) != len(asked):
        return [f"{len(asked)} health checks gave {len(codes)} answers: {codes}"]
    return [
        f"{service.name} answers {code}"
        for service, code in zip(asked, codes, strict=True)
        if service.health and int(code) not in service.health.expect
    ]
