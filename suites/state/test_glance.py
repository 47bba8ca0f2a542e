"""Glance: no image fails, and each host that serves images has the data of each active one."""

import pytest

from deploy.facts import image, settings

pytestmark = pytest.mark.project("glance")

CONFIGURATION = "/etc/glance/glance-api.conf"
PATIENCE = 3600
"""Seconds that Glance may work on an image; an upload of 100 GB at 1 Gb/s takes a quarter of that."""


@pytest.mark.api
def test_every_image_is_active(cloud_says, expect):
    """A tenant's image without data is the tenant's affair."""
    others = {str(entry): entry.status for entry in cloud_says(image.images) if entry.fails(PATIENCE)}
    expect(
        f"public images that are not active, and any that Glance works on for more than {PATIENCE // 3600} h",
        others,
        {},
        "openstack image list; the log of glance-api",
    )


@pytest.mark.own
@pytest.mark.api
def test_every_active_image_has_its_data_on_a_host(cloud_says, everywhere, cluster, expect):
    """Without shared storage, an image lies only on the disk of the host that took the upload."""
    stored = everywhere(kept(cluster), service="glance")
    holders = {
        str(entry): [name for name, files in stored.items() if files.get(entry.id) == entry.size]
        for entry in cloud_says(image.images)
        if entry.status == "active"
    }
    expect.that(
        "images whose data no host has",
        all(holders.values()),
        seen=[entry for entry, hosts in holders.items() if not hosts],
        expected="none",
        look=where(cluster),
    )


@pytest.mark.own
@pytest.mark.api
def test_serving_host_has_the_data_of_every_active_image(cloud_says, everywhere, readings, cluster, expect):
    """Without Ceph, HAProxy sends requests to the first host, and to another only while the first is down."""
    stored = everywhere(kept(cluster), service="glance")
    serving = sorted(stored) if "ceph" in cluster.features else [readings.members("glance")[0].name]
    missing = [
        f"{entry} on {server}"
        for entry in cloud_says(image.images)
        for server in serving
        if entry.status == "active" and stored[server].get(entry.id) != entry.size
    ]
    expect.that(
        "images whose data a host that serves them does not have",
        not missing,
        seen=missing,
        expected="none",
        look=f"{where(cluster)}; was the image uploaded while another host served?",
    )


@pytest.mark.own
@pytest.mark.needs("ceph")
def test_images_are_stored_in_ceph(reader, glance_host, expect):
    """The store that takes new images, as this member's configuration says."""
    found = settings.read(reader, CONFIGURATION)
    store = found.get("glance_store.default_backend", "")
    expect("the enabled stores", found.get("DEFAULT.enabled_backends", ""), f"{store}:rbd", CONFIGURATION)


@pytest.mark.own
@pytest.mark.needs("ceph")
def test_no_tenant_can_set_the_location_of_an_image(reader, glance_host, expect):
    """A location makes an image of whatever the store finds there, another tenant's data too."""
    found = settings.read(reader, CONFIGURATION).get("DEFAULT.show_multiple_locations", "false")
    expect("[DEFAULT] show_multiple_locations", found.lower(), "false", CONFIGURATION)


def kept(cluster):
    """The reading of a host's images and their sizes: in Ceph's pool, as the host reaches it, or on its disk."""
    return image.pooled if "ceph" in cluster.features else image.stored


def where(cluster):
    """Where to look for images' data."""
    if "ceph" in cluster.features:
        return "runuser -u glance -- rbd --id glance --pool images ls --long on each Glance host"
    return f"{image.FOLDER} on each Glance host"
