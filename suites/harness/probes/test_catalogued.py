"""Probes from the catalogue: every service with a budget is watched, in a form the prober takes."""

import ipaddress
from types import SimpleNamespace

import pytest

from deploy import catalogue, inventory
from fixtures.drills.inside import NAMES
from fixtures.drills.ledgers import objects
from fixtures.drills.run import clients
from fixtures.drills.workload import Workload
from fixtures.probes import prober
from fixtures.probes.catalogued import probes
from fixtures.probes.inside import INTERVALS
from fixtures.probes.judging.judgement import budgets
from fixtures.probes.probe import load, save
from suites.harness.clusters import with_every_feature

INSIDE = [(NAMES[each], INTERVALS[each]) for each in NAMES]
FAULTS = sorted({fault for service in catalogue.load().of(with_every_feature()).services for fault in service.budget})


@pytest.fixture(params=["lab", "two-node"])
def watching(request):
    there = inventory.load(request.param)
    return probes(there, catalogue.load().of(there))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_service_with_a_budget_is_watched_closely_enough(site_of, monkeypatch, fault):
    allowed = budgets(catalogue.load().of(with_every_feature()), fault)
    ways = {service: [] for service in allowed}
    instance = SimpleNamespace(address="10.0.0.9")
    site = site_of("lab")
    monkeypatch.setattr(objects, "keeper", lambda *_: {"owner": "u1", "token": "t"})
    watched = [*clients.probes(site, "run"), *Workload(site, None, instance).probes]
    for name, interval in [(each.name, each.interval) for each in watched] + INSIDE:
        ways.get(name.partition("/")[0], []).append(interval)
    for service, budget in allowed.items():
        assert max(ways[service]) * 4 <= budget


def test_every_probe_has_a_name_of_its_own(watching):
    assert len({probe.name for probe in watching}) == len(watching)


def test_addresses_are_numbers(watching):
    for probe in watching:
        ipaddress.ip_address(probe.options["host"])


def test_the_prober_takes_them_as_a_plan(watching, tmp_path):
    save(watching, tmp_path / "plan.json")
    for probe in load(tmp_path / "plan.json"):
        assert prober.client(probe)
