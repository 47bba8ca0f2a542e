"""etcd: one cluster of all controllers."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.facts import etcd
from deploy.making import ordinary
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until


def verify_whole(site: Site) -> None:
    """All members answer and agree on one leader."""
    count = len(site.members("etcd"))
    endpoints = ",".join(map(str, site.addresses.members("etcd")))
    until(
        lambda: etcd.status(site.members("etcd").first, endpoints),
        ready=lambda seen: seen.whole(count),
        timeout=60,
        what="etcd",
        expected=f"{len(site.members('etcd'))} members and one leader",
        hint="journalctl -u etcd on the controllers",
    )


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, verify_whole=verify_whole)
