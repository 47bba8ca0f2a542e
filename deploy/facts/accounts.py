"""Database accounts: user, permitted source, authentication and privileges."""

from dataclasses import dataclass, field

from deploy.host import Reads


@dataclass(frozen=True)
class Account:
    """One account of the database."""

    user: str
    source: str
    """The host or network the account may connect from; `%`: any."""
    locked: bool
    authenticates: bool
    """True where the account needs a password or authenticates by unix_socket."""
    everywhere: bool
    """True where the account has privileges on every database."""
    databases: frozenset[str] = field(default_factory=frozenset)
    """Databases the account has privileges on, with the wildcards of the grant."""

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.source}'"

    @property
    def local(self) -> bool:
        """True where the account may only connect from the database's own host."""
        return self.source in {"localhost", "127.0.0.1", "::1"}


def read(host: Reads) -> list[Account]:
    """Return every account of the database on that host; CommandFailed where the query fails."""
    return parse(host.check("mariadb -N -B -r", stdin=_ACCOUNTS, timeout=20))


def parse(text: str) -> list[Account]:
    """Parse rows of `user` (name, source, locked, authenticates, rights) and of `on` (name, source, database)."""
    rows = [line.split("\t") for line in text.splitlines()]
    on: dict[tuple[str, str], set[str]] = {}
    for user, source, database in (row[1:] for row in rows if row[0] == "on"):
        on.setdefault((user, source), set()).add(database)
    return [
        Account(
            user=user,
            source=source,
            locked=locked == "1",
            authenticates=authenticates == "1",
            everywhere=int(rights) > 0,
            databases=frozenset(on.get((user, source), ())),
        )
        for user, source, locked, authenticates, rights in (row[1:] for row in rows if row[0] == "user")
    ]


_ACCOUNTS = """
SELECT 'user', User, Host, Priv LIKE '%"account_locked":true%',
  IFNULL(JSON_VALUE(Priv, '$.authentication_string'), '') <> '' OR Priv LIKE '%unix_socket%',
  IFNULL(JSON_VALUE(Priv, '$.access'), 0) FROM mysql.global_priv;
SELECT 'on', User, Host, Db FROM mysql.db;
SELECT DISTINCT 'on', User, Host, Db FROM mysql.tables_priv;
"""
