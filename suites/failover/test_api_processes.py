"""Each API in turn is killed on one controller."""

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.needs("ha")]
FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, process):
    return drill(lambda: drill.process.kill(drill.who.holds_vip(), process), process)


def test_outage_is_within_budget(outage):
    assert outage.kept, outage


def test_nothing_acknowledged_is_lost(ledger):
    assert ledger.kept, ledger


def test_the_vip_was_never_on_two_hosts(held):
    assert held.kept, held


def test_the_cluster_is_whole_again(wholeness):
    assert wholeness.kept, wholeness
