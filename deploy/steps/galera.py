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
"""Seconds a member may take to receive the full state, which is small in a new cluster."""


def apply(site: Site, host: Host) -> None:
    """Install packages and files only; `complete` decides which member starts first."""
    install.install(site, host, "galera")


def complete(site: Site) -> None:
    """Bootstrap a new cluster, let the other members join one by one, then create this tool's accounts."""
    if site.ha:
        _bootstrap_if_new(site)
    for host in site.members("galera").values():
        start.start(site, host, "galera")
        if site.ha:
            joined(site, host)
    _own_accounts(site)
    if site.ha:
        _allow_members_only(site)
    roll.roll(site, "galera")


def _bootstrap_if_new(site: Site) -> None:
    """Start the first member of a cluster without data; StepFailed where all members are down and have data."""
    unit = site.catalogue["galera"].unit
    saved = site.members("galera").each(lambda host: galera.saved(host, unit))
    if any(member.running for member in saved.values()):
        return
    if any(member.born for member in saved.values()):
        positions = ", ".join(f"{name}: seqno {member.seqno}" for name, member in saved.items())
        raise StepFailed(
            "galera: all members are down, and this cluster has data",
            expected="at least one running member",
            seen=positions,
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
    """Wait until the member on that host is synced; StepFailed after `timeout` seconds, or where its data differs."""
    until(
        lambda: galera.status(host),
        ready=lambda status: status.synced,
        error=lambda status: status.inconsistent,
        timeout=timeout,
        what=f"{host.name}: joining the Galera cluster",
        expected="Synced, in the primary component",
        hint=f"journalctl -u {site.catalogue['galera'].unit} on {host.name}",
    )


def _own_accounts(site: Site) -> None:
    """Create this tool's own database, and the account of the health check."""
    host = site.members("galera").first
    password = site.secrets["galera.health"]
    found = database.sql(
        host,
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name='stackproof'; "
        "SELECT COUNT(*) FROM mysql.global_priv WHERE user='galera-health' AND "
        f"JSON_VALUE(priv, '$.authentication_string') = PASSWORD('{password}')",
    ).split()
    if found != ["1", "1"]:
        database.sql(
            host,
            "CREATE DATABASE IF NOT EXISTS stackproof; "
            f"CREATE OR REPLACE USER 'galera-health'@'localhost' IDENTIFIED BY '{password}'",
        )
        host.changed("created the database stackproof and the account galera-health")


def _allow_members_only(site: Site) -> None:
    """Let the members join, and nobody else; at once, as each new connection of a peer is looked up in the table."""
    wanted = sorted(address.host for address in site.addresses.members("galera"))
    listed = ", ".join(f"'{address}'" for address in wanted)
    for host in site.members("galera").values():
        if galera.allowed(host) != tuple(wanted):
            rows = ", ".join(f"('{address}')" for address in wanted)
            database.sql(
                host,
                f"START TRANSACTION; INSERT IGNORE INTO mysql.wsrep_allowlist VALUES {rows}; "
                f"DELETE FROM mysql.wsrep_allowlist WHERE ip NOT IN ({listed}); COMMIT",
            )
            host.changed("let the members alone join the Galera cluster")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield members that do not run, or are not synced in a cluster of all members."""
    yield from findings.ordinary(now, "galera")
    site = now.site
    if not site.ha:
        return
    members, unit = site.members("galera"), site.catalogue["galera"].unit
    for name, status in now.each(members, galera.status).items():
        if not (status.synced and status.size == len(members)):
            text = f"Galera is {_state(status)}, and sees {status.size} of {len(members)} members"
            yield Finding(text, name, unit, final=status.inconsistent)


def _state(status: galera.GaleraStatus) -> str:
    if status.state != "Synced":
        return status.state or "silent"
    return "Synced" if status.synced else "Synced, but not ready in the primary component"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, apply=apply, complete=complete, amiss=amiss, settles=START + JOIN)
