"""HAProxy: runs on every controller, so that the VIP moves to a running instance."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.host import Host
from deploy.making import install, ordinary, resources, roll, start
from deploy.site import Site
from deploy.step import Step

CONFIG = "/etc/haproxy/haproxy.cfg"


def apply(site: Site, host: Host) -> None:
    """Install HAProxy, let it check a new configuration, and restart the syslog daemon, which writes HAProxy's log."""
    written = install.install(site, host, "haproxy")
    if CONFIG in written:
        host.check("haproxy -c -q -f %s", CONFIG)
    syslog = site.platform.names["syslog"]
    if any(syslog in path for path in written):
        host.change(f"restarted {syslog}", f"systemctl enable -q {syslog}; systemctl restart {syslog}")
    start.start(site, host, "haproxy")


def complete(site: Site) -> None:
    """Make HAProxy a clone, and let the VIP run only beside a running instance."""
    resources.ensure(site, "haproxy")
    ordinary.until_served(site, "haproxy")
    roll.roll(site, "haproxy")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, apply=apply, complete=complete)
