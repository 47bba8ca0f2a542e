"""Databases and accounts of the catalogue, and their migrations, each done once."""

from collections.abc import Iterable, Sequence

from deploy.catalogue import Service
from deploy.host import Host
from deploy.site import Site

MIGRATIONS = "CREATE TABLE IF NOT EXISTS stackproof.migrations (name VARCHAR(64) PRIMARY KEY, version VARCHAR(190))"


def sql(host: Host, statement: str, *, timeout: float = 60) -> str:
    """Run SQL as the database's root, over its socket; the text travels on stdin. Returns tab-separated rows."""
    return host.check("mariadb -N -B", stdin=statement, timeout=timeout)


def ensure(site: Site, services: Iterable[Service]) -> None:
    """The databases of those services, and the account that owns them, with its password."""
    host = site.controllers.first
    wanted = {(name, service.account or service.name) for service in services for name in service.database}
    if not wanted:
        return
    network = site.cluster.management.cidr
    source = f"{network.network_address}/{network.netmask}"
    for user in sorted({user for _, user in wanted}):
        _account(site, host, user, source)
    there = set(sql(host, "SELECT db, user FROM mysql.db").splitlines())
    for name, user in sorted(wanted):
        # In a grant the underscore stands for any character, unless it is escaped.
        pattern = name.replace("_", "\\_")
        if not {f"{pattern}\t{user}", f"{pattern.replace(chr(92), chr(92) * 2)}\t{user}"} & there:
            sql(host, f"CREATE DATABASE IF NOT EXISTS `{name}`; GRANT ALL ON `{pattern}`.* TO '{user}'@'{source}'")
            host.changed(f"created database {name} for {user}")


def _account(site: Site, host: Host, user: str, source: str) -> None:
    password = site.secrets[f"galera.{user}"]
    same = sql(
        host,
        f"SELECT COUNT(*) FROM mysql.global_priv WHERE user='{user}' AND host='{source}' AND "
        f"JSON_VALUE(priv, '$.authentication_string') = PASSWORD('{password}')",
    )
    if same.strip() != "1":
        sql(host, f"CREATE OR REPLACE USER '{user}'@'{source}' IDENTIFIED BY '{password}'")
        host.changed(f"created database account {user}")


def migrate(site: Site, name: str, package: str, commands: Sequence[str], *, user: str = "") -> bool:
    """Run a service's migrations on the first controller, unless they ran for the installed package.

    That they did is written in the database itself, so that the mark goes where the schema goes.
    """
    host = site.controllers.first
    version = host.check("dpkg-query -W -f '${Version}' %s", package)
    done = sql(host, f"{MIGRATIONS}; SELECT version FROM stackproof.migrations WHERE name='{name}'")
    if done.strip() == version:
        return False
    for command in commands:
        host.check("su -s /bin/sh -c %s %s", command, user or name, timeout=600)
    sql(host, f"REPLACE INTO stackproof.migrations VALUES ('{name}', '{version}')")
    host.changed(f"migrated the {name} database")
    return True
