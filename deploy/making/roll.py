"""Restarts, one controller at a time, each followed by a wait until its units are well."""

import shlex
from functools import partial

from deploy.facts import systemd
from deploy.host import STATE, Host, Hosts
from deploy.making import amiss
from deploy.making.settle import until_well
from deploy.making.start import START
from deploy.site import Site

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
    until_well(site, step, partial(amiss.units, step=step, hosts=Hosts([host])), timeout=START)
