"""Promises: each is declared once, its budgets name declared classes of fault, and each drill has such a class."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy import catalogue, inventory
from deploy.catalogue import promises, require_fault, services_stop
from deploy.catalogue.promises import Declared, declared
from deploy.errors import InventoryError
from fixtures.drills.ledgers import stores
from fixtures.drills.result import RETURN
from suites.harness.clusters import with_every_feature

WHOLE = catalogue.load().of(with_every_feature())
DRILLS = Path(__file__).parents[2] / "failover"


@pytest.fixture
def table():
    """The parsed file, for changes."""
    return tomllib.loads(promises.FILE.read_text())


def test_promise_names_are_unique():
    names = [promise.name for promise in WHOLE.promises]
    assert len(set(names)) == len(names)


def test_every_api_is_a_promise():
    apis = {service.name: service for service in WHOLE.services if service.is_api}
    made = {promise.name: promise for promise in WHOLE.promises if promise.name in apis}
    assert set(made) == set(apis)
    assert {made[name].budget == declared().budgets[apis[name].budget] for name in apis} == {True}


def test_every_ledger_belongs_to_a_promise_with_a_budget():
    judged = {promise.name for promise in WHOLE.promises if promise.budget}
    assert {store.promise for store in stores()} <= judged


@pytest.mark.parametrize("promise", WHOLE.promises, ids=str)
def test_promise_has_a_title_and_positive_budgets(promise):
    assert promise.title
    assert all(seconds > 0 for seconds in promise.budget.values()), "a budget of nothing"


def test_cluster_makes_only_promises_that_its_features_allow():
    single = catalogue.load().of(inventory.load("two-node"))
    assert "vip" in {promise.name for promise in WHOLE.promises}
    assert {"vip"} & {promise.name for promise in single.promises} == set()


def test_instance_promises_do_not_depend_on_agents():
    flat = inventory.load("two-node")
    assert not flat.options.tenant_networks
    for cluster in (with_every_feature(), flat):
        budgets = catalogue.load().of(cluster).budgets("node-loss")
        assert {"floating-ip", "east-west", "lease", "metadata"} <= set(budgets)


def test_budgets_are_selected_by_class_of_fault():
    assert WHOLE.budgets("node-loss")["keystone"] == 5
    assert WHOLE.budgets("provider-loss")["floating-ip"] == 5
    assert WHOLE.budgets("nonsense") == {}


@pytest.mark.parametrize("fault", declared().faults)
def test_every_class_of_fault_has_a_budget(fault):
    assert WHOLE.budgets(fault)


@pytest.mark.parametrize("promise", [each for each in WHOLE.promises if each.budget], ids=str)
def test_every_promise_with_a_budget_has_limits(promise):
    assert promise.limits in declared().limits.values()


def test_limits_apply_unless_the_fault_makes_services_stop():
    assert set(WHOLE.limits("node-loss")) == set(WHOLE.budgets("node-loss"))
    assert WHOLE.limits("node-loss")["keystone"] == declared().limits["control-plane"]
    assert {fault for fault in declared().faults if not WHOLE.limits(fault)} == {"quorum-loss", "cold-start"}
    assert WHOLE.budgets("quorum-loss")["keystone"] == 180


def test_return_and_every_drill_have_a_declared_class():
    texts = [path.read_text() for path in DRILLS.glob("test_*.py")]
    named = {kind for text in texts for kind in re.findall(r'(?m)^FAULT = "(.+)"', text)}
    assert {RETURN, *named} <= set(declared().faults)


def test_undeclared_class_of_fault_is_refused():
    with pytest.raises(InventoryError, match="no class of fault is named nod-loss"):
        require_fault("nod-loss")


WRONG = {
    "a budget of an undeclared class": (("budgets", "data-plane", "luck", 1), "no class of fault is named luck"),
    "an unknown table of budgets": (("promises", "lease", "budget", "luck"), "no table of budgets is named luck"),
    "an unknown feature": (("promises", "vip", "needs", ["luck"]), "no feature is named luck"),
    "an unknown key": (("promises", "vip", "luck", 1), "luck"),
    "a share of more than all": (("limits", "data-plane", "failed", 1.5), "less than 1"),
    "a sum below the longest outage": (("limits", "data-plane", "lost", 0.5), "greater than or equal to 1"),
    "an unknown limit": (("limits", "data-plane", "luck", 1), "luck"),
    "a budget that is no number": (("budgets", "data-plane", "return", "long"), "valid number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake_in_the_file_is_refused(table, case):
    (section, name, key, value), why = WRONG[case]
    table[section][name][key] = value
    with pytest.raises(InventoryError, match=why):
        Declared.of(table)


def test_services_stop_only_where_the_majority_of_the_controllers_is_lost():
    assert {fault for fault in declared().faults if services_stop(fault)} == {"quorum-loss", "cold-start"}


@pytest.mark.parametrize("missing", ["budgets", "limits"])
def test_budgets_without_limits_and_the_reverse_are_refused(table, missing):
    del table[missing]["tenant-services"]
    table["promises"] = {}
    with pytest.raises(InventoryError, match=r"limits: .* alone: tenant-services"):
        Declared.of(table)


def test_services_stop_only_for_a_declared_class_of_fault(table):
    table["stops"].append("luck")
    with pytest.raises(InventoryError, match="no class of fault is named luck"):
        Declared.of(table)
