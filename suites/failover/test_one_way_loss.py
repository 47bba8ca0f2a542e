"""The controller that holds the VIP hears nothing of its peers, which hear it."""

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.needs("ha")]
FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.off(drill.who.holds_vip(), "in"))


def test_outage_is_within_budget(outage):
    assert outage.kept, outage


def test_nothing_acknowledged_is_lost(ledger):
    assert ledger.kept, ledger


def test_the_vip_was_never_on_two_hosts(held):
    assert held.kept, held


def test_the_cluster_is_whole_again(wholeness):
    assert wholeness.kept, wholeness
