"""HAProxy: runs on every controller, so that the VIP moves to a running instance."""

import shlex
from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.host import STATE, Host, Reads
from deploy.making import install, ordinary, resources, roll, start
from deploy.site import Site
from deploy.step import Step

CONFIG, CERTIFICATE = "/etc/haproxy/haproxy.cfg", "/etc/haproxy/vip.pem"
# A reload refuses no connection, and lets requests under way end. Connections to the database and to consoles would
# keep the former worker for hours, without its health checks, so it ends after a while.
_RELOAD = """\
main=$(systemctl show -P MainPID {unit})
former=$(pgrep -P "$main" -x haproxy || :)
systemctl reload {unit}
sleep {patience}
for worker in $former; do
  ! pgrep -P "$main" -x haproxy | grep -qx "$worker" || kill -TERM "$worker" || :
done
"""
PATIENCE = 10
"""Seconds that requests under way get to end when HAProxy takes another configuration."""


def apply(site: Site, host: Host) -> None:
    """Install HAProxy. A cluster with plain HTTP at the VIP keeps it besides TLS until the step `tls` closes it."""
    changes_over = any(takes_plain(site, each) for each in site.members("haproxy").values())
    written = configure(site, host, takes_plain=changes_over)
    syslog = site.platform.names["syslog"]
    if any(syslog in path for path in written):
        host.change(f"restarted {syslog}", f"systemctl enable -q {syslog}; systemctl restart {syslog}")
    start.start(site, host, "haproxy")


def configure(site: Site, host: Host, *, takes_plain: bool) -> list[str]:
    """Write HAProxy's files, let it check a new configuration, and reload it; return the paths that were written."""
    written = install.install(site, host, "haproxy", takes_plain=takes_plain)
    if CONFIG in written or CERTIFICATE in written:
        host.check("haproxy -c -q -f %s", CONFIG)
        if host.run("systemctl -q is-active %s", (unit := site.catalogue["haproxy"].unit)).ok:
            script = _RELOAD.format(unit=shlex.quote(unit), patience=PATIENCE)
            if not any(path.startswith("/etc/systemd/") for path in written):  # else a restart follows
                script += f"rm -f {STATE}/pending/{shlex.quote(unit)}\n"
            host.change("reloaded HAProxy", script)
    return written


def takes_plain(site: Site, host: Reads) -> bool:
    """True where the host's HAProxy takes plain HTTP, and the cluster has TLS."""
    line = f"  bind {site.addresses.api('haproxy').authority}"
    return site.cluster.encrypted and host.run("grep -xF -- %s %s", line, CONFIG).out != ""


def complete(site: Site) -> None:
    """Make HAProxy a clone, and let the VIP run only beside a running instance."""
    resources.ensure(site, "haproxy")
    ordinary.until_served(site, "haproxy")
    roll.roll(site, "haproxy")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, apply=apply, complete=complete)
