"""Starting units: systemd starts and enables its own; those of Pacemaker are only disabled in systemd."""

import shlex

from deploy.facts import systemd
from deploy.host import STATE, Host
from deploy.site import Site

START = 300.0
"""Seconds until a unit must be up. Nova's workers take 20 s on two busy cores. After a power loss of all hosts
Pacemaker starts two units of a controller at a time, and on slow cores the last was up after more than four minutes."""


def start(site: Site, host: Host, step: str, *only: str) -> None:
    """Start and enable the step's units that systemd starts; disable those of Pacemaker in systemd.

    `only`: names of services, where the others' units are to be started later.
    """
    every = site.services(step, host.node)
    services = [service for service in every if service.unit and (not only or service.name in only)]
    states = systemd.units(host, [service.unit for service in services])
    script = []
    for service in services:
        unit = states[service.unit]
        if service.by_pacemaker:
            script += _hand_over(unit, service.unit)
        else:
            script += _started(unit, service.unit)
    if script:
        host.script("\n".join(line for line, _ in script), timeout=START * 2)
        for _, change in script:
            if change:
                host.changed(change)


def _hand_over(unit: systemd.Unit, name: str) -> list[tuple[str, str]]:
    lines = []
    if unit.is_enabled:
        lines.append((f"systemctl disable -q {shlex.quote(name)}", f"disabled {name} in systemd: Pacemaker starts it"))
    if unit.pending and not unit.is_active:
        lines.append((f"rm -f {STATE}/pending/{shlex.quote(name)}", ""))
    return lines


def _started(unit: systemd.Unit, name: str) -> list[tuple[str, str]]:
    lines = []
    if not unit.is_enabled:
        lines.append((f"systemctl enable -q {shlex.quote(name)}", f"enabled {name}"))
    if not unit.is_active:
        marker = f"rm -f {STATE}/pending/{shlex.quote(name)}"
        # systemd refuses to start a unit that failed too often within its start limit; reset-failed lifts the limit.
        forget = f"systemctl reset-failed {shlex.quote(name)} 2>/dev/null || :"
        lines.append((f"{forget}; systemctl start {shlex.quote(name)} && {marker}", f"started {name}"))
    return lines
