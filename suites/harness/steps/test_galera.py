"""Galera's step: the members alone may join, also in a cluster that runs."""

import sqlite3
from types import SimpleNamespace

import pytest

from deploy.facts import galera
from deploy.steps import galera as step

MEMBERS = ("172.16.181.31", "172.16.181.32", "172.16.181.33")


@pytest.fixture
def member(monkeypatch):
    """One database that stands for all members, with the table, and what the step did to it."""
    database, done = sqlite3.connect(":memory:", isolation_level=None), []
    database.execute("ATTACH ':memory:' AS mysql")
    database.execute("CREATE TABLE mysql.wsrep_allowlist (ip PRIMARY KEY)")

    def sql(_, text):
        database.executescript(text.replace("START", "BEGIN").replace("IGNORE", "OR IGNORE"))

    def allowed(_):
        return tuple(row[0] for row in database.execute("SELECT ip FROM mysql.wsrep_allowlist ORDER BY ip"))

    monkeypatch.setattr(step.database, "sql", sql)
    monkeypatch.setattr(galera, "allowed", allowed)
    monkeypatch.setattr("deploy.host.Host.changed", lambda _, what: done.append(what))
    return SimpleNamespace(database=database, allowed=lambda: allowed(None), done=done)


@pytest.mark.parametrize("before", [(), MEMBERS[:2], ("172.16.181.66", *MEMBERS)])
def test_the_list_becomes_that_of_the_members_once(site_of, member, before):
    member.database.executemany("INSERT INTO mysql.wsrep_allowlist VALUES (?)", [(address,) for address in before])
    step._allow_members_only(site_of("lab"))
    step._allow_members_only(site_of("lab"))
    assert (member.allowed(), len(member.done)) == (MEMBERS, 1)
