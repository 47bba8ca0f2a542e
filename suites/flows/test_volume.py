"""A tenant's volumes keep their data: attached, copied, extended, backed up, handed on; and deleted without a rest."""

import pytest

from deploy import cloud
from deploy.errors import StepFailed
from deploy.facts import volumes
from deploy.wait import until
from fixtures.volumes import Volumes, checksum, write

pytestmark = [
    pytest.mark.flow,
    pytest.mark.needs("ceph"),
    pytest.mark.project("cinder", "nova-compute", "neutron-agents", "content"),
]

TOO_MUCH = 1_000_000
"""GiB beyond every quota."""
MESSAGES = "3.3"
"""The first version of the API that tells users why a request failed."""
FREE = 60.0
"""Seconds until the pools hold nothing of what was deleted."""


@pytest.fixture(scope="module")
def instance(tenant, instances):
    return instances.reachable(tenant)


@pytest.fixture(scope="module")
def guest(instance):
    return instance.host()


@pytest.fixture(scope="module")
def store(tenant, instance):
    """Volumes are removed before the instance."""
    return Volumes(tenant)


@pytest.fixture(scope="module")
def written(store, instance, guest):
    """A volume, detached after data was written into it, and the data's checksum; its snapshot was made in between."""
    volume = store.volume("written")
    with store.attached(instance, volume) as disk:
        data = write(guest, disk)
        return volume, data, store.snapshot("kept", volume)


def seen(store, instance, guest, volume):
    """The checksum that the instance reads from a volume."""
    with store.attached(instance, volume) as disk:
        return checksum(guest, disk)


def test_volume_keeps_its_data(store, instance, guest, written):
    volume, data, _ = written
    assert seen(store, instance, guest, volume) == data


def test_volume_is_read_by_another_instance(store, instances, tenant, written):
    volume, data, _ = written
    with tenant.briefly():
        elsewhere = instances.reachable(tenant)
        assert seen(store, elsewhere, elsewhere.host(), volume) == data


def test_snapshot_keeps_what_the_volume_had(store, instance, guest, written):
    volume, data, snapshot = written
    later = store.volume("later", snapshot_id=snapshot.id)
    with store.attached(instance, later) as disk:
        assert write(guest, disk) != data
    assert seen(store, instance, guest, store.volume("from-snapshot", snapshot_id=snapshot.id)) == data
    assert seen(store, instance, guest, volume) == data


def test_clone_has_the_data(store, instance, guest, written):
    volume, data, _ = written
    assert seen(store, instance, guest, store.volume("clone", source_volume_id=volume.id)) == data


def test_volume_in_use_grows(store, instance, guest):
    volume = store.volume("growing")
    with store.attached(instance, volume) as disk:
        data = write(guest, disk)
        store.extend(volume, 2)
        size = f"/sys/block/{disk.removeprefix('/dev/')}/size"
        until(
            lambda: int(guest.check("cat %s", size)) * 512,
            ready=lambda found: found == 2 << 30,
            timeout=FREE,
            interval=0.5,
            what=f"disk {disk} in the instance",
            expected="2 GiB",
            hint="Cinder tells Nova by an event of the server: the logs of cinder-volume and nova-api",
        )
        assert checksum(guest, disk) == data


def test_backup_is_restored(store, instance, guest, written):
    volume, data, _ = written
    backup, restored = store.backup("backup", volume), store.volume("restored")
    with cloud.explained("restoring the backup"):
        store.api.restore_backup(backup, volume=restored)
    store.now(backup, "available")
    store.now(restored, "available")
    assert seen(store, instance, guest, restored) == data


def test_volume_is_handed_to_another_project(store, stranger):
    given = store.volume("given")
    offer = store.api.create_transfer(volume_id=given.id, name=given.name)
    taken = stranger.session.block_storage
    taken.accept_transfer(offer, offer.auth_key)
    assert store.api.find_volume(given.id) is None
    mine = taken.get_volume(given.id)
    taken.delete_volume(mine)
    taken.wait_for_delete(mine, interval=1, wait=FREE)


def test_more_than_the_quota_is_refused(store):
    with pytest.raises(cloud.ApiError, match=r"413.*quota"):
        store.volume("too-much", size=TOO_MUCH)


def test_volume_that_no_pool_can_hold_fails_and_says_why(admin, store):
    """It is within the quota, and larger than what the pools may promise."""
    with cloud.explained("reading the limits and the pools"):
        limits = store.api.get_limits().absolute
        size = limits.max_total_volume_gigabytes - limits.total_gigabytes_used
        pools = [pool.capabilities for pool in admin.block_storage.backend_pools()]
        most = max(float(each["total_capacity_gb"]) * float(each["max_over_subscription_ratio"]) for each in pools)
    if size <= most:
        pytest.skip(
            f"the quota leaves {size} GiB, which fit into the pools' {most:.0f}: openstack quota set --gigabytes "
            "with more than that lets this flow ask for too much"
        )
    with pytest.raises(StepFailed, match="too-large"):
        store.volume("too-large", size=size)
    failed = store.api.find_volume(store.tenant.name("too-large"), ignore_missing=False)
    assert failed.status == "error"
    told = store.api.get("/messages", microversion=MESSAGES).json()["messages"]
    assert "Could not find any available" in " ".join(
        each["user_message"] for each in told if each.get("resource_uuid") == failed.id
    )


def test_deletes_leave_nothing_in_the_pools(site, tenant, store, written):
    """The last test: everything is removed before it looks."""
    ours = {written[0].id, *(each.id for each in store.api.volumes(details=False))}
    assert tenant.remove_all() == []
    host = site.members("cinder-volume").first

    def left():
        listed = [image for pool in ("volumes", "backups") for image in volumes.images(host, "cinder", pool)]
        return [image for image in listed if any(each in image for each in ours)]

    until(left, ready=lambda found: not found, timeout=FREE, interval=1, what="the pools", expected="nothing of ours")
