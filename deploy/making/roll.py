"""Restarts, one controller at a time, and what is waited for after them: every unit running and healthy."""

import shlex

from deploy.catalogue import Service
from deploy.errors import StackproofError, StepFailed
from deploy.facts import health, systemd
from deploy.host import STATE, Host
from deploy.journal import JOURNAL
from deploy.making.start import START
from deploy.site import Site
from deploy.wait import until

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
    names = sorted({service.unit for service in site.catalogue.step(step) if service.unit})
    hosts = site.hosts.role(*site.catalogue.roles(step))
    seen = hosts.each(lambda host: systemd.units(host, names))
    for name, units in seen.items():
        due = [unit.name for unit in units.values() if unit.pending and unit.name]
        if due:
            restart(site, hosts[name], step, due)


def restart(site: Site, host: Host, step: str, units: list[str]) -> None:
    """Restart those units of the step on one host, and wait until they are healthy again."""
    lines = [_RESTART.format(unit=shlex.quote(unit), state=STATE) for unit in units]
    watched = [service for service in site.services(step, host.node) if service.by_pacemaker and service.unit in units]
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
            lambda: health.troubles(host, services, site.addresses),
            ready=lambda seen: not seen,
            error=lambda seen: any(trouble.endswith(" failed") for trouble in seen),
            timeout=START,
            what=f"{host.name}: {', '.join(service.unit for service in services)}",
            expected="every unit running and healthy",
        )
    except StepFailed as error:
        down, error.evidence = _last_words(host, services)
        error.hint = error.hint or f"journalctl -u {' -u '.join(down)} on {host.name}"
        raise


_LAST_WORDS = """\
for unit; do echo "$unit:"; journalctl -q --no-pager -o cat -n 12 -u "$unit"; done
crm_mon -1 --exclude=all --include=failcounts,failures 2>/dev/null || :
"""


def _last_words(host: Host, services: list[Service]) -> tuple[list[str], str]:
    """The units that do not run, or else all, and what they said last; and what Pacemaker holds against any."""
    units = [service.unit for service in services]
    try:
        down = [name for name, unit in systemd.units(host, units).items() if not unit.is_active] or units
        told = host.run("exec sh -s --" + " %s" * len(down), *down, stdin=_LAST_WORDS, timeout=30).out
    except StackproofError as error:
        return units, f"none: {error.what}"
    return down, JOURNAL.redact(told.strip())
