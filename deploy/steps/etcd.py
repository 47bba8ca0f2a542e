"""etcd: one cluster of all controllers."""

from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.facts import etcd
from deploy.finding import Finding
from deploy.making import amiss as findings
from deploy.making import ordinary
from deploy.making.start import START
from deploy.snapshot import Snapshot
from deploy.step import Step

ELECT = 60.0
"""Seconds until running members have found each other and elected a leader."""


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield members that do not run, and a cluster whose members do not all answer or do not agree on one leader."""
    yield from findings.ordinary(now, "etcd")
    members = now.site.members("etcd")
    endpoints = ",".join(map(str, now.site.addresses.members("etcd")))
    status = now.first(members, lambda host: etcd.status(host, endpoints), "etcd", usable=lambda each: each.members > 0)
    if not status.whole(len(members)):
        yield Finding(
            f"etcd: {status.members} of {len(members)} members answer, and report {_leaders(status)}",
            hint="journalctl -u etcd on the controllers",
        )


def _leaders(status: etcd.EtcdStatus) -> str:
    match len(status.leaders - {0}):
        case 0:
            return "no leader"
        case 1 if 0 in status.leaders:
            return "one leader or none"
        case count:
            return f"{count} leader{'' if count == 1 else 's'}"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, amiss=amiss, settles=START + ELECT)
