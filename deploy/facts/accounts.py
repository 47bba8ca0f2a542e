"""Accounts: who may use the database, from where, and what each may do."""

from dataclasses import dataclass, field

from deploy.host import Reads


@dataclass(frozen=True)
class Account:
    """One account of the database."""

    user: str
    source: str
    """Where it may come from: a host or network, `%` for any."""
    locked: bool
    proof: bool
    """It must prove who it is, by a password or by its socket."""
    everywhere: bool
    """It has privileges on every database."""
    databases: frozenset[str] = field(default_factory=frozenset)
    """Those it has privileges on, with the wildcards of the grant."""

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.source}'"

    @property
    def local(self) -> bool:
        """It may only come from the database's own machine."""
        return self.source in {"localhost", "127.0.0.1", "::1"}


def read(host: Reads) -> list[Account]:
    """Every account, as the database on that host has it."""
    return parse(host.check("mariadb -N -B -r", stdin=_ACCOUNTS, timeout=20))


def parse(text: str) -> list[Account]:
    """Rows that begin with `user` (name, source, locked, proof, global rights) or `on` (name, source, database)."""
    rows = [line.split("\t") for line in text.splitlines()]
    on: dict[tuple[str, str], set[str]] = {}
    for user, source, database in (row[1:] for row in rows if row[0] == "on"):
        on.setdefault((user, source), set()).add(database)
    return [
        Account(
            user=user,
            source=source,
            locked=locked == "1",
            proof=proof == "1",
            everywhere=int(rights) > 0,
            databases=frozenset(on.get((user, source), ())),
        )
        for user, source, locked, proof, rights in (row[1:] for row in rows if row[0] == "user")
    ]


_ACCOUNTS = """
SELECT 'user', User, Host, Priv LIKE '%"account_locked":true%',
  IFNULL(JSON_VALUE(Priv, '$.authentication_string'), '') <> '' OR Priv LIKE '%unix_socket%',
  IFNULL(JSON_VALUE(Priv, '$.access'), 0) FROM mysql.global_priv;
SELECT 'on', User, Host, Db FROM mysql.db;
SELECT DISTINCT 'on', User, Host, Db FROM mysql.tables_priv;
"""
