"""Ceph: one cluster of all storage nodes, with a pool and a key for each project that keeps data there."""

import time
from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.facts import ceph, ceph_disks, systemd
from deploy.facts.ceph import CephStatus
from deploy.finding import Finding
from deploy.host import Host
from deploy.making import amiss as findings
from deploy.making import ceph_mons, ceph_osds, ceph_pools, ordinary, roll, start
from deploy.making.settle import until_well
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

CLEAN = 300.0
"""Seconds until the copies of all data agree after the restart of one host's daemons; 20 on the lab's hosts."""
REPORTED = 6.0
"""Seconds after a restart until what the monitors tell shows it: OSDs and the manager report every 5 s at the latest
(osd_mon_report_interval, mgr_stats_period)."""
UNITS = ("ceph-mon", "ceph-mgr", "ceph-osd")
"""The order of restarts on one host."""
_HINT = "ceph status and ceph health detail on a storage node"


def complete(site: Site) -> None:
    """Make and start the monitors, then the managers, then the OSDs; make the pools; restart what has changed."""
    ceph_mons.ensure(site)
    lead = site.members("ceph-mon").first
    ceph_mons.accounts(site)
    ceph_pools.modules(lead)
    site.members("ceph-mgr").each(lambda host: start.start(site, host, "ceph", "ceph-mgr"))
    ceph_osds.ensure(site)
    _up(site)
    ceph_pools.ensure(site)
    _roll(site)
    _ready(site)


def _up(site: Site) -> None:
    """Wait until each OSD says itself that it works: only then are the pools' placement groups made."""
    until_well(site, "ceph", osds, timeout=CLEAN)


def _roll(site: Site) -> None:
    """Restart units whose files changed: one at a time, while the monitors agree and all data has all its copies.

    An OSD that stops tells the monitors. While they elect, as after a restart of one of them, they do not hear it, and
    a client's writes waited for 4 to 7 s.
    """
    members = site.members("ceph-mon")
    for name, units in members.each(lambda host: systemd.units(host, UNITS)).items():
        for number, unit in enumerate(UNITS):
            if units[unit].pending:
                until_well(site, "ceph", cluster, timeout=CLEAN)
                roll.restart(site, members[name], "ceph", [unit], later=UNITS[number + 1 :])
                until_well(site, "ceph", _daemons, timeout=CLEAN)
                time.sleep(REPORTED)
    until_well(site, "ceph", cluster, timeout=CLEAN)


def _daemons(now: Snapshot) -> Iterator[Finding]:
    """Yield daemons that do not say of themselves that they work: the others may not have noticed a restart yet."""
    for name, told in now.each(now.site.members("ceph-mon"), ceph.monitor).items():
        if told.state not in {"leader", "peon"}:
            yield Finding(f"mon.{name} is {told.state or 'silent'}", name, "ceph-mon")
    yield from osds(now)


def _ready(site: Site) -> None:
    """Wait until a write is acknowledged and read back. Short attempts: a long one finds restarted daemons later."""
    lead = site.members("ceph-mon").first
    until(
        lambda: ceph.writes(lead),
        timeout=CLEAN,
        what="ceph: a write to the pool of this tool",
        expected="acknowledged, and read back",
        hint=_HINT,
    )


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield daemons that do not run or do not work, data that is out of reach or lacks copies, and Ceph's warnings."""
    yield from findings.ordinary(now, "ceph")
    found = [*osds(now), *cluster(now)]
    yield from found
    status = _status(now)
    for name, text in status.checks:
        yield Finding(f"Ceph warns: {text} ({name})", hint=_HINT, foreign=True)


def osds(now: Snapshot) -> Iterator[Finding]:
    """Yield OSDs that do not say of themselves that they are active; the cluster's map may still have them as up."""
    for name, states in now.each(now.site.members("ceph-osd"), _own_states).items():
        if not states:
            yield Finding("has no OSD", name, "ceph-osd")
        for number, state in states.items():
            if state != "active":
                yield Finding(f"osd.{number} is {state or 'silent'}", name, "ceph-osd")


def _own_states(host: Host) -> dict[int, str]:
    return ceph.osd_states(host, [folder.number for folder in ceph_disks.folders(host) if folder.ready])


def cluster(now: Snapshot) -> Iterator[Finding]:
    """Yield a lack of monitors, a manager, OSDs or copies, as the monitors tell it."""
    status = _status(now)
    if not status.health:
        yield Finding("Ceph: no monitor answers with a quorum", hint="journalctl -u ceph-mon on the storage nodes")
        return
    yield from judged(status, tuple(now.site.members("ceph-mon")))


def judged(status: CephStatus, members: Sequence[str]) -> Iterator[Finding]:
    """Yield what is amiss with a cluster that answers. `members`: the names of all storage nodes."""
    if out := sorted(set(members) - set(status.quorum)):
        yield Finding(f"Ceph: the monitors of {', '.join(out)} are not in the quorum", hint=_HINT)
    if more := sorted(set(status.quorum) - set(members)):
        yield Finding(f"Ceph: {', '.join(more)} has a monitor, and is not in the inventory", hint=_HINT, foreign=True)
    if not status.managed:
        yield Finding("Ceph: no manager is active", hint="journalctl -u ceph-mgr on the storage nodes")
    if status.up != status.osds or not status.osds:
        yield Finding(f"Ceph: {status.up} of {status.osds} OSDs are up", hint="ceph osd tree on a storage node")
    if status.inside != status.osds:
        yield Finding(
            f"Ceph: {status.inside} of {status.osds} OSDs are in: the others get no data",
            hint="ceph osd tree, and ceph osd in NUMBER, on a storage node",
        )
    if not status.clean and status.groups:
        states = ", ".join(f"{count} {state}" for state, count in status.states if state != ceph.CLEAN)
        yield Finding(f"Ceph: not all {status.groups} placement groups are active+clean: {states}", hint=_HINT)


def _status(now: Snapshot) -> CephStatus:
    return now.first(now.site.members("ceph-mon"), ceph.status, usable=lambda status: bool(status.health))


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project, roles, prepare=ceph_osds.refuse, complete=complete, amiss=amiss, settles=START + CLEAN
    )
