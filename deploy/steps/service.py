"""What steps share: packages, files and units of the catalogue's services, made so with few round trips."""

import shlex

from deploy.catalogue import Service
from deploy.errors import StackproofError, StepFailed
from deploy.facts import sockets, systemd
from deploy.host import STATE, Host
from deploy.journal import JOURNAL
from deploy.site import Site
from deploy.wait import until

START = 300.0
"""Seconds a unit may take to come up. Nova's workers take 20 s on two busy cores; but after a loss of everything
Pacemaker starts two units of a controller at a time, and on slow cores the last was up after more than four minutes."""


def install(site: Site, host: Host, step: str) -> list[str]:
    """Packages and files of the step's services on that host; returns the paths that were written."""
    services = site.services(step, host.node)
    host.install(
        package for service in services for group in service.packages for package in site.platform.packages[group]
    )
    return host.put(site.render(host.node, services))


def apply(site: Site, host: Host, step: str) -> None:
    """Install, and start what is not running; what runs and must restart is left to `roll`."""
    install(site, host, step)
    start(site, host, step)


def start(site: Site, host: Host, step: str) -> None:
    """Start and enable the step's units that systemd owns; those of Pacemaker are only disabled in systemd."""
    services = [service for service in site.services(step, host.node) if service.unit]
    seen = systemd.units(host, [site.unit(service) for service in services])
    script = []
    for service in services:
        unit = seen[site.unit(service)]
        if site.by_pacemaker(service):
            script += _hand_over(unit, site.unit(service))
        else:
            script += _started(unit, site.unit(service))
    if script:
        host.script("\n".join(line for line, _ in script), timeout=START * 2)
        for _, told in script:
            if told:
                host.changed(told)


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
        # What failed often is not started again before a while has passed, unless its failures are forgotten.
        forget = f"systemctl reset-failed {shlex.quote(name)} 2>/dev/null || :"
        lines.append((f"{forget}; systemctl start {shlex.quote(name)} && {marker}", f"started {name}"))
    return lines


_RESTART = "systemctl restart {unit} </dev/null; rm -f {state}/pending/{unit}"
# Pacemaker that looks at a unit while it is stopped recovers it: its stop and our start cancel each other, and a stop
# that never ends has the host fenced. So it looks away; the host itself sees to that it looks again, also where the
# runner is gone, and resources.ensure would mend what a loss of power left.
_LOOK_AWAY = """\
look() {{ for clone in {clones}; do crm_resource -r $clone --meta -s $clone-meta "$@" </dev/null >/dev/null; done; }}
trap 'look -d maintenance' EXIT
trap 'exit 1' HUP INT TERM
look -p maintenance -v true
crm_resource --wait -T {settle} </dev/null >/dev/null || :
"""
SETTLE = 20
"""Seconds for Pacemaker to end what it is about; a restart goes on without."""


def roll(site: Site, step: str) -> None:
    """Restart the units whose files changed: one controller at a time, each healthy before the next."""
    names = sorted({site.unit(service) for service in site.catalogue.step(step) if service.unit})
    hosts = site.hosts.role(*{role for service in site.catalogue.step(step) for role in service.roles})
    seen = hosts.each(lambda host: systemd.units(host, names))
    for name, units in seen.items():
        due = [unit.name for unit in units.values() if unit.pending and unit.name]
        if due:
            restart(site, hosts[name], step, due)


def restart(site: Site, host: Host, step: str, units: list[str]) -> None:
    """Restart those units of the step on one host, and wait until they are healthy again."""
    lines = [_RESTART.format(unit=shlex.quote(unit), state=STATE) for unit in units]
    watched = [
        service
        for service in site.services(step, host.node)
        if site.by_pacemaker(service) and site.unit(service) in units
    ]
    if watched:
        clones = " ".join(shlex.quote(f"{service.name}-clone") for service in watched)
        lines.insert(0, _LOOK_AWAY.format(clones=clones, settle=SETTLE))
    host.script("\n".join(lines), timeout=START * 2)
    for unit in units:
        host.changed(f"restarted {unit}")
    verify(site, host, step)


def verify(site: Site, host: Host, step: str) -> None:
    """Every unit of the step runs, is owned by whom it should be, and answers its health check."""
    services = [service for service in site.services(step, host.node) if service.unit]
    if not services:
        return
    try:
        until(
            lambda: troubles(site, host, services),
            ready=lambda seen: not seen,
            error=lambda seen: any(trouble.endswith(" failed") for trouble in seen),
            timeout=START,
            what=f"{host.name}: {', '.join(site.unit(service) for service in services)}",
            expected="every unit running and healthy",
        )
    except StepFailed as error:
        down, error.evidence = _last_words(site, host, services)
        error.hint = error.hint or f"journalctl -u {' -u '.join(down)} on {host.name}"
        raise


_LAST_WORDS = """\
for unit; do echo "$unit:"; journalctl -q --no-pager -o cat -n 12 -u "$unit"; done
crm_mon -1 --exclude=all --include=failcounts,failures 2>/dev/null || :
"""


def _last_words(site: Site, host: Host, services: list[Service]) -> tuple[list[str], str]:
    """The units that do not run, or else all, and what they said last; and what Pacemaker holds against any."""
    units = [site.unit(service) for service in services]
    try:
        down = [name for name, unit in systemd.units(host, units).items() if not unit.is_active] or units
        told = host.run("exec sh -s --" + " %s" * len(down), *down, stdin=_LAST_WORDS, timeout=30).out
    except StackproofError as error:
        return units, f"none: {error.what}"
    return down, JOURNAL.redact(told.strip())


def troubles(site: Site, host: Host, services: list[Service]) -> list[str]:
    """What is not as it should be with those services on that host, in two round trips."""
    seen = systemd.units(host, [site.unit(service) for service in services])
    found = []
    for service in services:
        unit = seen[site.unit(service)]
        if unit.load == "not-found":
            found.append(f"{site.unit(service)} is not installed")
        elif unit.is_failed and not site.by_pacemaker(service):
            found.append(f"{unit.name} failed")
        elif unit.skipped and not unit.is_active:
            found.append(f"{unit.name} was not started (systemctl status tells the condition): it failed")
        elif unit.is_failed:  # after a cold start an API may be up before its database is
            found.append(f"{unit.name} failed, and Pacemaker has not started it again yet")
        elif not unit.is_active:
            found.append(f"{unit.name} is {unit.active}")
        elif unit.is_enabled == site.by_pacemaker(service):
            found.append(
                f"{unit.name} is {unit.enabled}, though {'Pacemaker' if unit.is_enabled else 'systemd'} owns it"
            )
        elif unit.pending:
            found.append(f"{unit.name} has not restarted since its files changed")
    if found:
        return found + _squatters(site, host, [service for service in services if _is_down(seen[site.unit(service)])])
    return _unhealthy(host, services) or _unbound(site, host, services)


def _is_down(unit: systemd.Unit) -> bool:
    return unit.load != "not-found" and not unit.is_active


def _squatters(site: Site, host: Host, services: list[Service]) -> list[str]:
    """Who holds the ports of units that do not run."""
    wanted = {service.port: site.unit(service) for service in services if service.port}
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


def _unbound(site: Site, host: Host, services: list[Service]) -> list[str]:
    """A unit that starts, finds its port taken and starts again looks well in between; one that listens is."""
    asked = [service for service in services if service.port and not service.health]
    if not asked:
        return []
    bound = {(unit, listener.port) for listener in sockets.listening(host) for unit in listener.units}
    silent = [service for service in asked if (site.unit(service), service.port) not in bound]
    return [
        *(f"{site.unit(service)} does not listen on port {service.port}" for service in silent),
        *_squatters(site, host, silent),
    ]


def _unhealthy(host: Host, services: list[Service]) -> list[str]:
    asked = [service for service in services if service.health]
    if not asked:
        return []
    script = ""
    for service in asked:
        assert service.health is not None  # noqa: S101 - filtered above
        url = f"http://{host.node.management}:{service.health.port or service.port}{service.health.path}"
        script += f"curl -s -o /dev/null -m 5 -w '%{{http_code}}\\n' {shlex.quote(url)} || true\n"
    codes = host.run("sh -s", stdin=script, timeout=60).out.split()
    if len(codes) != len(asked):
        return [f"{len(asked)} health checks gave {len(codes)} answers: {codes}"]
    return [
        f"{service.name} answers {code}"
        for service, code in zip(asked, codes, strict=True)
        if service.health and int(code) not in service.health.expect
    ]


def failed(what: str, **parts: str) -> StepFailed:
    """A StepFailed; here so that steps need not import errors for one line."""
    return StepFailed(what, **parts)
