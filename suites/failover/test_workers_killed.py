"""What works behind the APIs is killed on one controller, one service at a time."""

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.needs("ha")]
FAULT = "process-kill"
WORKERS = ["memcached", "etcd", "nova-conductor", "nova-scheduler", "neutron-rpc-server"]


@pytest.fixture(scope="module", params=WORKERS)
def record(request, drill):
    return drill(lambda: drill.process.kill(drill.who.neither(), request.param), request.param)


def test_outage_is_within_budget(outage):
    assert outage.kept, outage


def test_nothing_acknowledged_is_lost(ledger):
    assert ledger.kept, ledger


def test_the_vip_was_never_on_two_hosts(held):
    assert held.kept, held


def test_the_cluster_is_whole_again(wholeness):
    assert wholeness.kept, wholeness
