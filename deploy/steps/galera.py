"""Galera: one synchronous MariaDB cluster across the controllers."""

from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.errors import StepFailed
from deploy.facts import galera
from deploy.finding import Finding
from deploy.host import STATE, Host
from deploy.making import amiss as findings
from deploy.making import database, install, ordinary, roll, start
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

JOIN = 180.0
"""Seconds a member may take to receive the whole state; a new cluster's is small."""


def apply(site: Site, host: Host) -> None:
    """Packages and files only: who starts first is decided for the cluster as a whole."""
    install.install(site, host, "galera")


def complete(site: Site) -> None:
    """Bootstrap an unborn cluster, let the others join one by one, then the accounts."""
    if site.ha:
        _bootstrap_if_unborn(site)
    for host in site.members("galera").values():
        start.start(site, host, "galera")
        if site.ha:
            joined(site, host)
    _own_accounts(site)
    roll.roll(site, "galera")


def _bootstrap_if_unborn(site: Site) -> None:
    """Start the first member of a cluster that never was; a cluster that was and is down is not ours to guess at."""
    unit = site.catalogue["galera"].unit
    saved = site.members("galera").each(lambda host: galera.saved(host, unit))
    if any(member.running for member in saved.values()):
        return
    if any(member.born for member in saved.values()):
        told = ", ".join(f"{name}: seqno {member.seqno}" for name, member in saved.items())
        raise StepFailed(
            "galera: all members are down, and this cluster has data",
            expected="at least one member running",
            seen=told,
            hint="after a power loss of all members, recover with `python -m deploy recover galera`, "
            "which starts the member with the newest data first",
        )
    host = site.members("galera").first
    host.change(
        "bootstrapped the Galera cluster",
        f"galera_new_cluster && systemctl enable -q {unit} && rm -f {STATE}/pending/{unit}",
        timeout=120,
    )


def joined(site: Site, host: Host, timeout: float = JOIN) -> None:
    """Wait until the member on that host takes part and serves."""
    until(
        lambda: galera.status(host),
        ready=lambda seen: seen.synced,
        error=lambda seen: seen.inconsistent,
        timeout=timeout,
        what=f"{host.name}: joining the Galera cluster",
        expected="Synced, in the primary component",
        hint=f"journalctl -u {site.catalogue['galera'].unit} on {host.name}",
    )


def _own_accounts(site: Site) -> None:
    """The database this tool keeps its marks in, and the account the health check asks with."""
    host = site.members("galera").first
    password = site.secrets["galera.health"]
    seen = database.sql(
        host,
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name='stackproof'; "
        "SELECT COUNT(*) FROM mysql.global_priv WHERE user='galera-health' AND "
        f"JSON_VALUE(priv, '$.authentication_string') = PASSWORD('{password}')",
    ).split()
    if seen != ["1", "1"]:
        database.sql(
            host,
            "CREATE DATABASE IF NOT EXISTS stackproof; "
            f"CREATE OR REPLACE USER 'galera-health'@'localhost' IDENTIFIED BY '{password}'",
        )
        host.changed("created the database stackproof and the account galera-health")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Members that do not run, or are not synced in a cluster of all members."""
    yield from findings.ordinary(now, "galera")
    site = now.site
    if not site.ha:
        return
    members, unit = site.members("galera"), site.catalogue["galera"].unit
    for name, seen in now.each(members, galera.status).items():
        if not (seen.synced and seen.size == len(members)):
            what = f"Galera is {_state(seen)}, and sees {seen.size} of {len(members)} members"
            yield Finding(what, name, unit, final=seen.inconsistent)


def _state(seen: galera.GaleraStatus) -> str:
    if seen.state != "Synced":
        return seen.state or "silent"
    return "Synced" if seen.synced else "Synced, but not ready in the primary component"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, apply=apply, complete=complete, amiss=amiss, settles=START + JOIN)
