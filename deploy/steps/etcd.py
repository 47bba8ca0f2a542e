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
"""Seconds until members that run have found each other and a leader."""


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Members that do not run, do not answer, or do not agree on one leader."""
    yield from findings.ordinary(now, "etcd")
    members = now.site.members("etcd")
    endpoints = ",".join(map(str, now.site.addresses.members("etcd")))
    seen = now.first(members, lambda host: etcd.status(host, endpoints), "etcd", usable=lambda seen: seen.members > 0)
    if not seen.whole(len(members)):
        yield Finding(
            f"etcd: {seen.members} of {len(members)} members answer, and see {_leaders(seen)}",
            hint="journalctl -u etcd on the controllers",
        )


def _leaders(seen: etcd.EtcdStatus) -> str:
    match len(seen.leaders - {0}):
        case 0:
            return "no leader"
        case 1 if 0 in seen.leaders:
            return "one leader or none"
        case count:
            return f"{count} leader{'' if count == 1 else 's'}"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, amiss=amiss, settles=START + ELECT)
