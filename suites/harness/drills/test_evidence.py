"""Evidence of a drill: the journals of the affected hosts."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deploy import inventory
from deploy.host import Hosts
from fixtures.drills.run import evidence
from suites.harness.clusters import without_ceph


@pytest.fixture
def site(site_of):
    """A site whose hosts have a journal of one line."""
    lab = site_of(without_ceph(inventory.load("production.example")))
    journal = SimpleNamespace(out="a line\n")
    return replace(
        lab,
        hosts=Hosts(
            SimpleNamespace(name=node.name, node=node, run=lambda *_, **__: journal, disconnect=lambda: None)
            for node in lab.cluster.nodes
        ),
    )


@pytest.mark.parametrize(
    ("victim", "also"),
    [("storage02", {"storage02"}), ("controller01", set()), ("compute01", set()), ("galera and all it carries", set())],
)
def test_journals_of_victim_controllers_and_network_nodes_are_saved(site, tmp_path, victim, also):
    evidence.journals(site, tmp_path, time.monotonic(), victim)
    kept = {path.name for path in tmp_path.iterdir()}
    always = {"controller01", "controller02", "controller03", "compute01", "compute02"}
    assert kept == {f"journal-{name}.log" for name in always | also}
