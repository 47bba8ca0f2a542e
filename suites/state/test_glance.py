"""Glance: each image is active, and its data is where whoever serves it finds it."""

import pytest

from deploy.facts import image

pytestmark = pytest.mark.project("glance")


@pytest.mark.api
def test_every_image_is_active(cloud_says, expect):
    others = {told.name: told.status for told in cloud_says(image.images) if told.status != "active"}
    expect("images that are not active", others, {}, "openstack image list; the log of glance-api")


@pytest.mark.own
@pytest.mark.api
def test_every_image_has_its_data(cloud_says, everywhere, expect):
    """Until storage is shared, an image lies on the disk of the host that took it, and is gone with it."""
    stored = everywhere(image.stored, service="glance")
    holders = {
        told.name: [name for name, files in stored.items() if files.get(told.id) == told.size]
        for told in cloud_says(image.images)
        if told.status == "active"
    }
    expect.that(
        "images whose data no host has",
        all(holders.values()),
        seen=[name for name, hosts in holders.items() if not hosts],
        expected="none",
        look=f"{image.FOLDER} on each of its hosts",
    )


@pytest.mark.own
@pytest.mark.api
def test_who_serves_images_has_them(cloud_says, everywhere, readings, expect):
    """HAProxy sends all to the first host, and to another only while that one is down."""
    server = readings.members("glance")[0].name
    stored = everywhere(image.stored, service="glance")[server]
    missing = [
        told.name for told in cloud_says(image.images) if told.status == "active" and stored.get(told.id) != told.size
    ]
    expect.that(
        f"images that {server} serves without having their data",
        not missing,
        seen=missing,
        expected="none",
        look=f"{image.FOLDER} on each of its hosts: uploaded while another served?",
    )
