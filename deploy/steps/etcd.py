"""etcd: one cluster of all controllers."""

from deploy.facts import etcd
from deploy.making import install, roll
from deploy.site import Site
from deploy.step import Step
from deploy.wait import until


def verify_whole(site: Site) -> None:
    """All members answer and agree on one leader."""
    port = site.catalogue["etcd"].port
    endpoints = ",".join(f"http://{host.node.management}:{port}" for host in site.controllers.values())
    until(
        lambda: etcd.status(site.controllers.first, endpoints),
        ready=lambda seen: seen.whole(len(site.controllers)),
        timeout=60,
        what="etcd",
        expected=f"{len(site.controllers)} members and one leader",
        hint="journalctl -u etcd on the controllers",
    )


STEP = Step(
    "etcd",
    "the coordination store",
    roles=("controller",),
    requires=("base",),
    apply=lambda site, host: install.apply(site, host, "etcd"),
    complete=lambda site: roll.roll(site, "etcd"),
    verify=lambda site, host: roll.verify(site, host, "etcd"),
    verify_whole=verify_whole,
)
