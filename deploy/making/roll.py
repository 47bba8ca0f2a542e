"""Rolling restarts: one controller at a time, each followed by a wait until its units are healthy."""

import shlex
from collections.abc import Collection, Iterator

from deploy.facts import systemd
from deploy.finding import Finding
from deploy.host import STATE, Host, Hosts
from deploy.making import amiss
from deploy.making.settle import until_well
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot

_RESTART = "systemctl restart {unit} </dev/null; rm -f {state}/pending/{unit}"
# A monitor operation during the restart makes Pacemaker recover the unit: its stop and our start cancel each other, and
# a stop that never ends gets the host fenced. So the clones are in maintenance meanwhile. The trap on the host ends the
# maintenance even if the runner is gone; after a loss of power resources.ensure ends it.
_MAINTENANCE = """\
meta() {{ for clone in {clones}; do crm_resource -r $clone --meta -s $clone-meta "$@" </dev/null >/dev/null; done; }}
trap 'meta -d maintenance' EXIT
trap 'exit 1' HUP INT TERM
meta -p maintenance -v true
crm_resource --wait -T {settle} </dev/null >/dev/null || :
"""
SETTLE = 20
"""Seconds Pacemaker may take to finish its current actions; after that the restart begins all the same."""


def roll(site: Site, step: str) -> None:
    """Restart the units whose files changed: one controller at a time, each healthy before the next."""
    names = sorted({service.unit for service in site.catalogue.step(step) if service.unit})
    hosts = site.hosts.role(*site.catalogue.roles(step))
    states = hosts.each(lambda host: systemd.units(host, names))
    for name, units in states.items():
        due = [unit.name for unit in units.values() if unit.pending and unit.name]
        if due:
            restart(site, hosts[name], step, due)


def restart(site: Site, host: Host, step: str, units: list[str], *, later: Collection[str] = ()) -> None:
    """Restart the named units of the step on one host, and wait until the step's units there are healthy again.

    `later`: units whose restart may still be due, and which are not waited for.
    """
    lines = [_RESTART.format(unit=shlex.quote(unit), state=STATE) for unit in units]
    watched = [service for service in site.services(step, host.node) if service.by_pacemaker and service.unit in units]
    if watched:
        clones = " ".join(shlex.quote(f"{service.name}-clone") for service in watched)
        lines.insert(0, _MAINTENANCE.format(clones=clones, settle=SETTLE))
    host.script("\n".join(lines), timeout=START * 2)
    for unit in units:
        host.changed(f"restarted {unit}")

    def unwell(now: Snapshot) -> Iterator[Finding]:
        yield from (found for found in amiss.units(now, step, Hosts([host])) if found.unit not in later)

    until_well(site, step, unwell, timeout=START)
