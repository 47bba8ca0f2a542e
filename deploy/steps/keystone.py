"""Keystone: identity, with the same keys on every controller."""

import shlex

from deploy import cloud
from deploy.host import Host
from deploy.making import api, database, install, resources, roll, start
from deploy.site import Site
from deploy.step import Step


def apply(site: Site, host: Host) -> None:
    """Packages, configuration and keys; the keys are ours to render, so they are equal everywhere."""
    install.install(site, host, "keystone")


def complete(site: Site) -> None:
    """Schema, then the first user, then the service itself, then the projects."""
    database.ensure(site, site.catalogue.step("keystone"))
    api.migrate(site, "keystone", "keystone", ["keystone-manage db_sync", _bootstrap(site)])
    site.controllers.each(lambda host: start.start(site, host, "keystone"))
    resources.clones(site, "keystone")
    roll.roll(site, "keystone")
    api.verify_whole(site, "keystone")
    with cloud.told("creating the first projects"), cloud.connect(site) as session:
        cloud.patient(session.identity)
        for name in ("service", cloud.DEMO):
            cloud.project(session, name)
        cloud.account(site, session, cloud.DEMO, cloud.DEMO, ("member",))
    cloud.register(site, site.catalogue.step("keystone"))


def _bootstrap(site: Site) -> str:
    """The command that makes the first user; its password goes by environment, from a file only Keystone reads."""
    url = f"http://{site.cluster.api_address}:{site.catalogue['keystone'].port}/v3"
    words = ["--bootstrap-region-id", site.cluster.region, "--bootstrap-username", cloud.ADMIN]
    for interface in ("public", "internal", "admin"):
        words += [f"--bootstrap-{interface}-url", url]
    return f"set -a; . /etc/keystone/bootstrap.env; set +a; keystone-manage bootstrap {shlex.join(words)}"


STEP = Step(
    "keystone",
    "identity",
    roles=("controller",),
    requires=("galera", "memcached", "haproxy"),
    apply=apply,
    complete=complete,
    verify=lambda site, host: roll.verify(site, host, "keystone"),
    verify_whole=lambda site: api.verify_whole(site, "keystone"),
)
