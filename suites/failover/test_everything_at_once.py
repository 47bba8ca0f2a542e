"""Power is cut on all controllers at once; they come back and are whole without a command, and nothing is lost."""

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.needs("ha")]
FAULT = "cold-start"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.site.controllers.values()))


def test_outage_is_within_budget(outage):
    assert outage.kept, outage


def test_nothing_acknowledged_is_lost(ledger):
    assert ledger.kept, ledger


def test_the_vip_was_never_on_two_hosts(held):
    assert held.kept, held


def test_the_cluster_is_whole_again(wholeness):
    assert wholeness.kept, wholeness
