"""A tenant boots an instance and reaches it from outside: ping, metadata over HTTP, login with the key pair."""

import pytest

from deploy import cloud
from fixtures.instances import move, moved, whereabouts

BOOT = "cat /proc/sys/kernel/random/boot_id"
pytestmark = [pytest.mark.deploy, pytest.mark.flow, pytest.mark.project("nova-compute", "neutron-agents", "content")]


@pytest.fixture(scope="module")
def instance(demo, instances):
    return instances.reachable(demo)


def test_instance_is_active(instance):
    assert instance.server.status == "ACTIVE"


def test_instance_answers_ping(instance):
    assert instance.answers_ping()


def test_instance_read_its_own_id_from_the_metadata_service(instance):
    assert instance.page("/").strip() == instance.server.id


def test_instance_accepts_the_key_pair_for_cirros(instance):
    assert instance.login("id -un") == "cirros"


def test_instance_refuses_another_key(instance):
    assert instance.refuses_a_stranger()


@pytest.mark.needs("second-compute")
def test_instance_moves_to_another_compute_without_a_reboot(site, instance):
    server, booted = instance.server.id, instance.login(BOOT)
    with cloud.connect(site) as admin:
        left = whereabouts(admin, server).host
        move(admin, server)
        assert moved(admin, server, away_from=left) in site.hosts.role("compute").without(left)
    assert instance.login(BOOT) == booted
