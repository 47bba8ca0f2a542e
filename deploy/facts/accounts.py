"""Database accounts: user, permitted source, authentication and privileges."""

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv4Network

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
    """Databases the account has privileges on, with the wildcards of the grant. The text says what else differs from
    ALL PRIVILEGES on a database: ` in part`, ` with grant option`; a role is `role NAME`."""
    proof: str = field(default="", repr=False)
    """The `proof` of the account's password; empty where it has none, or may authenticate in a second way too."""

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.source}'"

    @property
    def local(self) -> bool:
        """True where the account may only connect from the database's own host."""
        return self.source in {"localhost", "127.0.0.1", "::1"}


def source(network: IPv4Network) -> str:
    """Return the source that means any address of a network."""
    return f"{network.network_address}/{network.netmask}"


def proof(password: str) -> str:
    """Return the SHA-256 in hexadecimal of a password as the database stores it, with mysql_native_password.

    The stored form is `*` and the SHA-1 of the password's SHA-1 in capitals. It is hashed once more, so that no reading
    holds what the database compares.
    """
    stored = hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()  # noqa: S324 - the plug-in's own
    return hashlib.sha256(f"mysql_native_password *{stored}".encode()).hexdigest()


def read(host: Reads) -> list[Account]:
    """Return every account of the database on that host; CommandFailed where the query fails."""
    return parse(host.check("mariadb -N -B -r", stdin=_ACCOUNTS, timeout=20))


def parse(text: str) -> list[Account]:
    """Parse rows of `user` (name, source, locked, authenticates, rights, proof) and `on` (name, source, database)."""
    rows = [line.split("\t") for line in text.splitlines()]
    on: dict[tuple[str, str], set[str]] = {}
    for user, source, database in (row[1:] for row in rows if row[0] == "on" and len(row) == 4):
        on.setdefault((user, source), set()).add(database)
    return [
        Account(
            user=user,
            source=source,
            locked=locked == "1",
            authenticates=authenticates == "1",
            everywhere=rights != "0",
            databases=frozenset(on.get((user, source), ())),
            proof=proof,
        )
        for user, source, locked, authenticates, rights, proof in (
            row[1:] for row in rows if row[0] == "user" and len(row) == 7
        )
    ]


_ACCOUNTS = """
SELECT 'user', User, Host, Priv LIKE '%"account_locked":true%',
  IFNULL(JSON_VALUE(Priv, '$.authentication_string'), '') <> '' OR Priv LIKE '%unix_socket%',
  IFNULL(JSON_VALUE(Priv, '$.access'), 0),
  IF(IFNULL(JSON_VALUE(Priv, '$.authentication_string'), '') = '' OR IFNULL(JSON_LENGTH(Priv, '$.auth_or'), 0) > 1, '',
    SHA2(CONCAT(JSON_VALUE(Priv, '$.plugin'), ' ', JSON_VALUE(Priv, '$.authentication_string')), 256))
  FROM mysql.global_priv;
SELECT 'on', User, Host, CONCAT(Db,
  IF('N' IN (Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, References_priv, Index_priv,
    Alter_priv, Lock_tables_priv), ' in part', ''),
  IF(Grant_priv = 'Y', ' with grant option', '')) FROM mysql.db;
SELECT DISTINCT 'on', User, Host, CONCAT(Db, ' in part') FROM mysql.tables_priv;
SELECT DISTINCT 'on', User, Host, CONCAT(Db, ' in part') FROM mysql.columns_priv;
SELECT DISTINCT 'on', User, Host, CONCAT(Db, ' in part') FROM mysql.procs_priv;
SELECT 'on', User, Host, CONCAT('role ', Role) FROM mysql.roles_mapping;
"""
