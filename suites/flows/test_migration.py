"""An administrator moves a tenant's running instance to another compute, while it is pinged from outside.

Evacuation needs a compute that is dead, so it is a drill: suites/failover/test_compute_lost_and_evacuated.py.
"""

import pytest

from deploy import cloud
from fixtures.guests import another_boot, boot, checksum, pinged, write
from fixtures.instances import MOVED, awaited, move, moved, whereabouts

KEPT = "/root/kept"
LOST = 3.0
"""Seconds without an answer to pings, in sum, during a live migration: an emulated guest copies its memory slowly, and
the other compute's switch has to learn where its port is."""
AWAY = 180.0
"""Seconds without an answer during a cold migration: a shutdown, a move, and a boot of the guest."""
pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.needs("second-compute"),
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
]


@pytest.fixture(scope="module")
def instance(tenant, projects, instances):
    """An instance, in a project that only an administrator makes: who may move instances."""
    return instances.reachable(tenant)


@pytest.fixture(scope="module")
def kept(instance):
    """The checksum of a file that the guest keeps on its disk."""
    return write(instance, KEPT)


def test_instance_is_reached_all_through_a_live_migration(admin, instance, kept):
    server, before = instance.server.id, boot(instance)
    left = whereabouts(admin, server).host
    with pinged(instance.address, "live migration") as pings:
        move(admin, server)
        assert moved(admin, server, away_from=left) != left
        assert boot(instance) == before
    assert pings.away <= LOST, str(pings)
    assert checksum(instance, KEPT) == kept


def test_instance_is_reached_again_after_a_cold_migration(admin, tenant, instance, kept):
    server, before = instance.server, boot(instance)
    left = whereabouts(admin, server.id).host
    with pinged(instance.address, "cold migration") as pings:
        with cloud.explained("migrating the instance"):
            admin.compute.migrate_server(server.id)
        awaited(tenant, server, "VERIFY_RESIZE", MOVED)
        another_boot(instance, than=before)
        tenant.session.compute.confirm_server_resize(server)
        awaited(tenant, server, "ACTIVE")
    assert 0 < pings.away <= AWAY, str(pings)
    assert whereabouts(admin, server.id).host != left
    assert checksum(instance, KEPT) == kept
