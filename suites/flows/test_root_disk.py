"""An instance's root disk keeps its data: as a volume that outlives the instance, and as a snapshot made meanwhile."""

from contextlib import contextmanager

import pytest

from deploy import cloud
from deploy.content import IMAGE
from deploy.errors import StackproofError
from deploy.facts import image as images
from deploy.facts import rbd
from deploy.wait import until
from fixtures.cloud import Tenant
from fixtures.instances import BOOTED, from_image, from_volume
from fixtures.volumes import Volumes

pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.needs("ceph"),
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
]

WRITE = "dd if=/dev/urandom of=/root/kept bs=1M count=4 conv=fsync 2>/dev/null && sync && sha256sum /root/kept"
READ = "sha256sum /root/kept"
UPLOADED = 600.0
"""Seconds until the image of an instance is there: the compute reads its whole disk, and Glance writes it again."""
FREE = 60.0
"""Seconds until the pools hold nothing of what was deleted."""


@pytest.fixture
def booted(tenant, instances):
    """Boots an instance, which is removed at the end of the block."""

    @contextmanager
    def boot(**root):
        instances.ground(tenant)
        with tenant.briefly():
            yield instances.reachable(tenant, **root)

    return boot


@pytest.fixture
def kept(tenant):
    """The tenant's things that outlive an instance."""
    tenant = Tenant(tenant.session)
    yield tenant
    assert tenant.remove_all() == []


def gone(host, account, pool, name):
    """Wait until a pool has no image of that name."""
    until(
        lambda: name in rbd.names(host, account, pool),
        ready=lambda found: not found,
        timeout=FREE,
        interval=1,
        what=f"pool {pool}",
        expected=f"no {name}",
    )


@pytest.mark.project("cinder")
def test_volume_outlives_the_instance_that_booted_from_it(site, tenant, booted):
    store = Volumes(tenant)
    image = tenant.session.image.find_image(IMAGE, ignore_missing=False).id
    volume = store.volume("root", image_id=image)
    host = site.members("cinder-volume").first
    assert rbd.parent(host, "cinder", "volumes", f"volume-{volume.id}") == f"images/{image}@snap"
    with booted(**from_volume(volume.id)) as instance:
        data = instance.host().check(WRITE, timeout=60)
        assert f"{instance.server.id}_disk" not in rbd.names(site.members("nova-compute").first, "nova", "vms")
    store.now(volume, "available")
    with booted(**from_volume(volume.id)) as again:
        assert again.page("/").strip() == again.server.id
        assert again.host().check(READ, timeout=60) == data
    store.now(volume, "available")
    assert tenant.remove_all() == []
    gone(host, "cinder", "volumes", f"volume-{volume.id}")


def test_snapshot_of_a_running_instance_boots_with_its_data(site, tenant, booted, kept):
    compute = site.members("nova-compute").first
    with booted() as instance:
        data = instance.host().check(WRITE, timeout=60)
        image = snapshot(kept, instance.server)
        # Where Nova may not write Glance's pool, it suspends the instance for the copy, and resumes it.
        assert still(instance, READ) == data
    with booted(**from_image(image.id)) as again:
        assert rbd.parent(compute, "nova", "vms", f"{again.server.id}_disk") == f"images/{image.id}@snap"
        assert again.page("/").strip() == again.server.id
        assert again.host().check(READ, timeout=60) == data
    assert kept.remove_all() + tenant.remove_all() == []
    gone(compute, "nova", "vms", f"{again.server.id}_disk")
    gone(site.members("glance").first, images.CLIENT, images.POOL, image.id)


def snapshot(tenant, server):
    """Make an image of a running instance's disk; return it once it is active."""
    api = tenant.session.image
    with cloud.explained("making a snapshot of the instance"):
        made = tenant.session.compute.create_server_image(server, tenant.name("snapshot"))
        tenant.made("image", made, api.delete_image)

    def read():
        with cloud.explained("reading the snapshot"):
            return api.find_image(made.id)

    return until(
        read,
        ready=lambda found: found is not None and found.status == "active",
        error=lambda found: found is None or found.status == "killed",  # Nova deletes an image that it cannot upload
        timeout=UPLOADED,
        interval=2,
        what=f"image {made.name}",
        expected="active",
        hint="nova-compute's log on the instance's host has the reason",
    )


def still(instance, command):
    """Return what a command prints in an instance that may just have been resumed."""

    def ask():
        try:
            return instance.host().check(command, timeout=30)
        except StackproofError:
            return ""

    return until(ask, timeout=BOOTED, interval=2, what=f"instance {instance.server.name}", expected="a login")
