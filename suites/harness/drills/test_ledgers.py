"""Ledgers of drills: each file of the folder is found, and its store is written, read back and cleared."""

import re
import sys
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from deploy.errors import StackproofError
from fixtures.drills import ledgers
from fixtures.drills.ledgers import rows
from fixtures.drills.ledgers.store import Store
from fixtures.drills.run import clients
from fixtures.probes.catalogued import SignedIn
from fixtures.probes.judging.ledger import Ledger
from fixtures.probes.probe import Probe

FURTHER = """
from fixtures.drills.ledgers import rows
from dataclasses import replace
STORE = replace(rows.STORE, promise="containers")
"""


@pytest.fixture
def store():
    return Store(
        "containers",
        "keystone",
        setup=lambda _: None,
        probe=lambda _, run: Probe("containers", "http", options={"run": run}),
        read=lambda *_: frozenset({1, 2}),
        forget=lambda _: ["container ledger"],
    )


@pytest.fixture
def only(monkeypatch):
    monkeypatch.setattr(clients.keys, "forget", lambda _: [])
    return lambda *stores: monkeypatch.setattr(clients, "stores", lambda: stores)


def test_every_ledger_is_found():
    assert {each.promise for each in ledgers.stores()} == {"rows", "objects", "messages"}


def test_a_new_file_is_found(monkeypatch, tmp_path):
    (tmp_path / "containers.py").write_text(FURTHER)
    monkeypatch.setattr(ledgers, "__path__", [*ledgers.__path__, str(tmp_path)])
    try:
        found = ledgers.stores.__wrapped__()
    finally:
        sys.modules.pop(f"{ledgers.__name__}.containers", None)
    assert {each.promise for each in found} - {each.promise for each in ledgers.stores()} == {"containers"}


def test_each_store_is_written_to_and_cleared(site_of, only, store):
    only(store)
    site = site_of("lab")
    assert clients.probes(site, "r1", SignedIn("t", "p1"))[-1] == Probe("containers", "http", options={"run": "r1"})
    assert clients.forget(site) == ["container ledger"]


def test_the_other_stores_are_cleared_where_one_cannot_be(site_of, only, store, events):
    cleared = []

    def refuse(_):
        raise StackproofError("no answer")

    only(replace(store, forget=refuse), replace(store, forget=cleared.append))
    with clients.accounts(site_of("lab")):
        pass
    assert len(cleared) == 1
    assert events[-1].text == "not removed: no answer"


@pytest.mark.parametrize(("shared", "asked"), [(False, 3), (True, 1)])
def test_every_member_is_read_unless_all_share_one_copy(site_of, only, store, shared, asked):
    only(replace(store, shared=shared))
    read = clients.read_back(site_of("lab"), {"containers": Ledger("containers", frozenset({1, 2}))}, "r1", [])
    assert len(read["containers"].found) == asked
    assert read["containers"].lost == []


def test_a_member_that_does_not_answer_is_noted(site_of, only, store):
    def silent(_, host, __):
        if host.name == "controller02":
            raise TimeoutError
        return frozenset({1})

    only(replace(store, read=silent))
    notes = []
    read = clients.read_back(site_of("lab"), {"containers": Ledger("containers", frozenset({1}))}, "r1", notes)
    assert read["containers"].silent == {"controller02"}
    assert notes == ["controller02: its ledger could not be read: TimeoutError"]


def test_the_database_account_of_drills_comes_from_the_management_network_and_the_runners(site_of):
    lab = site_of("lab").cluster
    cluster = replace(lab, ssh=replace(lab.ssh, runners=(IPv4Network("192.0.2.7/32"),)))
    text = rows._grants(cluster, "secret")
    assert re.findall(r"'stackproof-drill'@'([^']*)' IDENTIFIED", text) == [
        "172.16.181.0/255.255.255.0",
        "192.0.2.7/255.255.255.255",
    ]
    assert "'%'" not in text
