"""TLS: nothing at the VIP takes plain HTTP any more, once every service and endpoint of the cluster uses TLS."""

from collections.abc import Iterator, Sequence
from functools import partial

from deploy.catalogue import Project
from deploy.finding import Finding
from deploy.making import ordinary
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.steps import haproxy


def complete(site: Site) -> None:
    """Close plain HTTP, which the step `haproxy` left open where the cluster had it."""
    members = site.members("haproxy")
    members.each(lambda host: haproxy.configure(site, host, takes_plain=False))


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield the hosts whose HAProxy takes plain HTTP."""
    takes_plain = partial(haproxy.takes_plain, now.site)
    for name, is_open in now.each(now.site.members("haproxy"), takes_plain, "plain HTTP").items():
        if is_open:
            yield Finding("HAProxy takes plain HTTP at the VIP", name, hint="a whole build closes it", final=True)


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss, settles=0.0)
