"""Glance: no image fails, and the host that serves images has the data of each active one."""

import pytest

from deploy.facts import image

pytestmark = pytest.mark.project("glance")


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
def test_every_active_image_has_its_data_on_a_host(cloud_says, everywhere, expect):
    """Without shared storage, an image lies only on the disk of the host that took the upload."""
    stored = everywhere(image.stored, service="glance")
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
        look=f"{image.FOLDER} on each Glance host",
    )


@pytest.mark.own
@pytest.mark.api
def test_serving_host_has_the_data_of_every_active_image(cloud_says, everywhere, readings, expect):
    """HAProxy sends requests to the first host, and to another only while the first is down."""
    server = readings.members("glance")[0].name
    stored = everywhere(image.stored, service="glance")[server]
    missing = [
        str(entry)
        for entry in cloud_says(image.images)
        if entry.status == "active" and stored.get(entry.id) != entry.size
    ]
    expect.that(
        f"images whose data {server}, which serves them, does not have",
        not missing,
        seen=missing,
        expected="none",
        look=f"{image.FOLDER} on each Glance host; was the image uploaded while another host served?",
    )
