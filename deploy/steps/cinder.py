"""Cinder: volumes in Ceph, and the type of those whose users name none."""

from collections.abc import Iterator, Sequence
from functools import partial

from deploy import cloud
from deploy.catalogue import Project
from deploy.facts import volumes
from deploy.finding import Finding
from deploy.journal import JOURNAL
from deploy.making import amiss as findings
from deploy.making import ordinary
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step


def complete(site: Site) -> None:
    """Complete the step, then create the default volume type."""
    ordinary.complete(site, "cinder")
    with cloud.explained("creating the default volume type"), cloud.connect(site) as session:
        storage = session.block_storage
        cloud.retry_server_errors(storage)
        if volumes.TYPE not in volumes.types(session):
            storage.create_type(name=volumes.TYPE, extra_specs={"volume_backend_name": volumes.TYPE})
            JOURNAL.emit("change", f"created volume type {volumes.TYPE}", host="api")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield what is amiss with the services, and a missing default type."""
    yield from findings.ordinary(now, "cinder")
    with cloud.explained("listing the volume types"):
        session = now.opened("administrator", partial(cloud.connect, now.site))
        if volumes.TYPE not in volumes.types(session):
            yield Finding(f"Cinder lacks the default volume type {volumes.TYPE}", hint="a build creates it")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss)
