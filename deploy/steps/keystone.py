"""Keystone: identity, with the same keys on every controller."""

import shlex
from collections.abc import Sequence

from deploy import cloud
from deploy.catalogue import Project
from deploy.making import ordinary
from deploy.site import Site
from deploy.step import Step


def complete(site: Site) -> None:
    """The schema, the first user, then the service itself, then the first projects."""
    project = site.catalogue.project("keystone")
    ordinary.complete(site, project.name, [*project.migrate, _bootstrap(site)], registered=False)
    with cloud.told("creating the first projects"), cloud.connect(site) as session:
        cloud.patient(session.identity)
        for name in ("service", cloud.DEMO):
            cloud.project(session, name)
        cloud.account(site, session, cloud.DEMO, cloud.DEMO, ("member",))
    cloud.register(site, project)


def _bootstrap(site: Site) -> str:
    """The command that makes the first user; its password goes by environment, from a file only Keystone reads."""
    url = site.addresses.endpoint("keystone")
    words = ["--bootstrap-region-id", site.cluster.region, "--bootstrap-username", cloud.ADMIN]
    for interface in ("public", "internal", "admin"):
        words += [f"--bootstrap-{interface}-url", url]
    return f"set -a; . /etc/keystone/bootstrap.env; set +a; keystone-manage bootstrap {shlex.join(words)}"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete)
