"""The L3 agent is killed where the instance's router is active: packets still pass."""

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.needs("ha")]
FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.process.kill(drill.who.routes(workload), "neutron-l3-agent", "main"))


def test_outage_is_within_budget(outage):
    assert outage.kept, outage


def test_nothing_acknowledged_is_lost(ledger):
    assert ledger.kept, ledger


def test_the_vip_was_never_on_two_hosts(held):
    assert held.kept, held


def test_the_cluster_is_whole_again(wholeness):
    assert wholeness.kept, wholeness
