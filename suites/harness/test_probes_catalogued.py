"""Probes from the catalogue: every service with a budget is watched, in a form the prober takes."""

import ipaddress

import pytest

from deploy import catalogue, inventory
from fixtures.probes import plan, prober
from fixtures.probes.catalogued import probes
from fixtures.probes.judgement import budgets


@pytest.fixture(params=["lab", "two-node"])
def watching(request):
    there = inventory.load(request.param)
    return probes(there, catalogue.load().of(there))


@pytest.mark.parametrize("fault", ["node-loss", "process-kill"])
def test_every_service_with_a_budget_is_watched_closely_enough(watching, fault):
    closest = {probe.name: probe.interval for probe in watching}
    for service, budget in budgets(catalogue.load(), fault).items():
        assert closest[service] * 4 <= budget
        assert closest[f"{service}/kept"] * 4 <= budget


def test_every_probe_has_a_name_of_its_own(watching):
    assert len({probe.name for probe in watching}) == len(watching)


def test_addresses_are_numbers(watching):
    for probe in watching:
        ipaddress.ip_address(probe.options["host"])


def test_the_prober_takes_them_as_a_plan(watching, tmp_path):
    plan.save(watching, tmp_path / "plan.json")
    for probe in plan.load(tmp_path / "plan.json"):
        assert prober.client(probe)
