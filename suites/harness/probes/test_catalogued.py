"""Probes from the catalogue: every promise with a budget has a probe that the prober accepts."""

import ipaddress
from types import SimpleNamespace

import pytest

from deploy import catalogue, inventory
from fixtures.cloud import Tenant
from fixtures.drills.actions import Actions
from fixtures.drills.inside import SUBJECTS
from fixtures.drills.ledgers import objects
from fixtures.drills.run import calls, clients
from fixtures.drills.workload import Workload
from fixtures.probes import prober
from fixtures.probes.catalogued import SignedIn, probes
from fixtures.probes.inside import DEADLINES, INTERVALS
from fixtures.probes.probe import load, save
from suites.harness.clusters import with_every_feature, with_every_project

USER = SignedIn("t", "p1")
WHOLE = catalogue.load().of(with_every_feature())


@pytest.fixture(params=["lab", "two-node"])
def watching(request):
    there = inventory.load(request.param)
    return probes(there, catalogue.load().of(there), USER)


@pytest.fixture
def outside(site_of, monkeypatch):
    """Every probe of a drill that runs outside of the instance."""
    monkeypatch.setattr(objects, "keeper", lambda *_: {"owner": "u1", "token": "t"})
    site = site_of(with_every_project("lab"))
    actions = Actions(site, Tenant(None), "s1", "i1", "n1")
    workload = Workload(site, None, SimpleNamespace(address="10.0.0.9"), actions)
    called = calls.probes(site, "run", list(site.hosts))
    around = (*workload.probes, *actions.probes(USER.token), clients.visits(site, "cookie"))
    return [*clients.probes(site, "run", USER), *around, *called]


@pytest.fixture
def watched(outside):
    """The interval of every probe of a drill, by subject."""
    inside = {subject: INTERVALS[each] for each, subject in SUBJECTS.items()}
    return {probe.subject: probe.interval for probe in outside} | inside


@pytest.mark.parametrize("promise", [each for each in WHOLE.promises if each.budget], ids=str)
def test_every_promise_with_a_budget_is_probed_often_enough(watched, promise):
    slowest = max(interval for subject, interval in watched.items() if subject.promise == promise.name)
    assert slowest * 2 <= min(promise.budget.values())


@pytest.mark.parametrize("promise", [each for each in WHOLE.promises if each.limits], ids=str)
def test_an_answer_slower_than_its_limit_is_within_the_deadline(outside, promise):
    deadlines = {probe.subject: probe.deadline for probe in outside}
    deadlines |= {subject: DEADLINES[each] for each, subject in SUBJECTS.items()}
    assert promise.limits.slower < min(most for subject, most in deadlines.items() if subject.promise == promise.name)


def test_every_probe_tests_a_declared_promise(watched):
    assert {subject.promise for subject in watched} <= {promise.name for promise in WHOLE.promises}


def test_every_probe_has_a_name_of_its_own(watching):
    assert len({probe.name for probe in watching}) == len(watching)


def test_hosts_are_given_by_ip_address(watching):
    for probe in watching:
        ipaddress.ip_address(probe.options["host"])


def test_the_prober_accepts_the_probes_as_a_plan(watching, tmp_path):
    save(watching, tmp_path / "plan.json")
    for probe in load(tmp_path / "plan.json"):
        assert prober.client(probe)


def test_a_token_is_not_shown(outside):
    assert not [probe for probe in outside if "hunter2" in repr(probe) or "'t'" in repr(probe)]


@pytest.mark.parametrize("service", [each for each in WHOLE.services if each.lose], ids=str)
def test_a_probe_tests_what_the_processes_of_each_target_do(service, watched):
    assert service.proofs
    assert set(service.proofs) <= {str(subject) for subject in watched}
