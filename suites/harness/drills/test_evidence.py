"""The evidence of a drill: what the hosts it touched wrote meanwhile."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deploy.host import Hosts
from fixtures.drills.run import evidence


@pytest.fixture
def site(site_of):
    """Hosts that have one line to tell."""
    lab = site_of("production.example")
    told = SimpleNamespace(out="a line\n")
    return replace(
        lab,
        hosts=Hosts(
            SimpleNamespace(name=node.name, node=node, run=lambda *_, **__: told, disconnect=lambda: None)
            for node in lab.cluster.nodes
        ),
    )


@pytest.mark.parametrize(
    ("victim", "also"),
    [("storage02", {"storage02"}), ("controller01", set()), ("compute01", set()), ("galera and all it carries", set())],
)
def test_the_victims_journal_is_kept_beside_those_of_controllers_and_routers(site, tmp_path, victim, also):
    evidence.journals(site, tmp_path, time.monotonic(), victim)
    kept = {path.name for path in tmp_path.iterdir()}
    always = {"controller01", "controller02", "controller03", "compute01", "compute02"}
    assert kept == {f"journal-{name}.log" for name in always | also}
