"""Keystone: identity, with equal keys on every controller."""

import shlex
from collections.abc import Sequence

from deploy import cloud
from deploy.catalogue import Project
from deploy.making import ordinary
from deploy.site import Site
from deploy.step import Step


def complete(site: Site) -> None:
    """Migrate the schema and bootstrap the first user, start the service, then create the first projects."""
    project = site.catalogue.project("keystone")
    commands, password = [*project.migrate, _bootstrap(site)], site.secrets[f"keystone.{cloud.ADMIN}"]
    ordinary.complete(site, project.name, commands, given=f"{password}\n", registered=False)
    cloud.sign_out()  # a token from before may be of a user and project that the bootstrap made anew
    with cloud.explained("creating the first projects"), cloud.connect(site) as session:
        cloud.retry_server_errors(session.identity)
        for name in (cloud.ADMIN, *(other.account for other in site.catalogue.projects if other.account)):
            # Those of an earlier build: the rules for sign-ins that Keystone has now would lock some of them.
            if user := session.identity.find_user(name):
                cloud.exempt(session, user)
        for name in ("service", cloud.DEMO):
            cloud.project(session, name)
        cloud.account(site, session, cloud.DEMO, cloud.DEMO, ("member",))
    cloud.register_account(site, project)
    cloud.register_endpoints(site, project)


def _bootstrap(site: Site) -> str:
    """Return the bootstrap command, which reads the administrator's password from its stdin, and leaves it nowhere."""
    url = site.addresses.endpoint("keystone")
    words = ["--bootstrap-region-id", site.cluster.region, "--bootstrap-username", cloud.ADMIN]
    for interface in ("public", "internal", "admin"):
        words += [f"--bootstrap-{interface}-url", url]
    taken = "IFS= read -r OS_BOOTSTRAP_PASSWORD; export OS_BOOTSTRAP_PASSWORD"
    return f"{taken}; keystone-manage bootstrap {shlex.join(words)}"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete)
