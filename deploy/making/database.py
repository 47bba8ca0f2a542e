"""The projects' databases, their owners' accounts, and schema migrations, which run once per package version."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.facts import accounts
from deploy.host import Host
from deploy.site import Site

MIGRATIONS = "CREATE TABLE IF NOT EXISTS stackproof.migrations (name VARCHAR(64) PRIMARY KEY, version VARCHAR(190))"


def sql(host: Host, statement: str, *, timeout: float = 60) -> str:
    """Run SQL as root over the local socket; return tab-separated rows. The text goes by stdin, out of sight of ps."""
    return host.check("mariadb -N -B", stdin=statement, timeout=timeout)


def ensure(site: Site, project: Project) -> None:
    """Create a project's databases and the account that owns them; set the account's password."""
    if not project.database:
        return
    host, user = site.members("galera").first, project.owner
    source = accounts.source(site.cluster.management.cidr)
    _account(site, host, user, source)
    granted = set(sql(host, "SELECT db, user FROM mysql.db").splitlines())
    for name in project.database:
        # In a grant the underscore stands for any character, unless it is escaped.
        pattern = name.replace("_", "\\_")
        if not {f"{pattern}\t{user}", f"{pattern.replace(chr(92), chr(92) * 2)}\t{user}"} & granted:
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


def migrate(site: Site, project: Project, commands: Sequence[str], given: str = "") -> bool:
    """Run a project's migrations on its first host unless they ran for the installed version; True: they ran now.

    `given`: the text on the stdin of each, such as a password. A row in the database itself records a finished
    migration, so that the record moves with the schema.
    """
    host, database = site.hosts.role(*site.catalogue.roles(project.name)).first, site.members("galera").first
    version = host.version(project.schema)
    done = sql(database, f"{MIGRATIONS}; SELECT version FROM stackproof.migrations WHERE name='{project.name}'")
    if done.strip() == version:
        return False
    for command in commands:
        host.check("su -s /bin/sh -c %s %s", command, project.runs_as, stdin=given, timeout=600)
    sql(database, f"REPLACE INTO stackproof.migrations VALUES ('{project.name}', '{version}')")
    host.changed(f"migrated the {project.name} database")
    return True
