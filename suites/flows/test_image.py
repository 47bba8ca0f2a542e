"""A tenant's images: their data, who sees them, and what becomes of those that are cut short or are not what they say.

No image is uploaded that is too large: Glance's bound (image_size_cap) is 1 TiB, which it finds by counting what comes,
and no tenant has a quota (user_storage_quota). Snapshots of instances are in test_root_disk.py.
"""

import hashlib
import http.client
import os
import ssl
from urllib.parse import urlsplit

import pytest

from deploy import cloud
from deploy.errors import StepFailed
from deploy.facts import image as images
from deploy.facts import rbd
from deploy.wait import until
from fixtures.guests import bare
from fixtures.instances import awaited, fault

SIZE = 8 << 20
"""Bytes of an image."""
ENDED = 120.0
"""Seconds until Glance has noticed that an upload broke off."""
FREE = 60.0
"""Seconds until the pools hold nothing of what was deleted."""
pytestmark = [pytest.mark.flow, pytest.mark.nightly, pytest.mark.project("glance")]


class Images:
    """Images of one tenant."""

    def __init__(self, tenant):
        self._tenant, self.api = tenant, tenant.session.image

    def record(self, what, disk_format="raw", **properties):
        """An image without data."""
        with cloud.explained(f"making the image {what}"):
            made = self.api.create_image(
                name=self._tenant.name(what), disk_format=disk_format, container_format="bare", **properties
            )
        return self._tenant.made(f"image {what}", made, self.api.delete_image)

    def upload(self, image, data):
        """Give an image its data; returns it as it is then."""
        with cloud.explained(f"uploading {image.name}"):
            image.data = data
            image.upload(self.api)
            return self.api.get_image(image.id)


@pytest.fixture(scope="module")
def store(tenant):
    return Images(tenant)


@pytest.fixture(scope="module")
def data():
    return os.urandom(SIZE)


@pytest.fixture(scope="module")
def image(store, data):
    return store.upload(store.record("image"), data)


def sees(session, image):
    """How a user sees an image: whether it is listed, and whether it is found by its identifier."""
    listed = image.id in {each.id for each in session.image.images()}
    return listed, session.image.find_image(image.id) is not None


def downloaded(session, image):
    """The checksum of the data that a user downloads."""
    with cloud.explained(f"downloading {image.name}"):
        return hashlib.sha512(session.image.download_image(image.id).content).hexdigest()


def test_image_comes_back_with_its_checksum(tenant, image, data):
    wanted = hashlib.sha512(data).hexdigest()
    assert (image.status, image.size, image.hash_algo, image.hash_value) == ("active", SIZE, "sha512", wanted)
    assert downloaded(tenant.session, image) == wanted


def test_private_image_is_its_projects_alone(tenant, stranger, store, image):
    from openstack.exceptions import ForbiddenException, NotFoundException

    assert store.api.update_image(image, visibility="private").visibility == "private"
    assert sees(tenant.session, image) == (True, True)
    assert sees(stranger.session, image) == (False, False)
    theirs = stranger.session.image
    hidden = pytest.raises((ForbiddenException, NotFoundException))
    with hidden:
        theirs.download_image(image.id)
    with hidden:
        theirs.update_image(image.id, name="taken")
    with hidden:
        theirs.delete_image(image.id, ignore_missing=False)
    assert downloaded(tenant.session, image) == image.hash_value


def test_shared_image_is_seen_by_the_member_who_accepts_it(stranger, store, image, data):
    from openstack.exceptions import ForbiddenException, NotFoundException

    member, theirs = stranger.project.id, stranger.session.image
    store.api.update_image(image, visibility="shared")
    with pytest.raises((ForbiddenException, NotFoundException)):
        theirs.update_member(member, image.id, status="accepted")  # nobody invited it
    assert store.api.add_member(image, member=member).status == "pending"
    assert sees(stranger.session, image) == (False, True)
    theirs.update_member(member, image.id, status="accepted")
    assert sees(stranger.session, image) == (True, True)
    assert downloaded(stranger.session, image) == hashlib.sha512(data).hexdigest()
    with pytest.raises(ForbiddenException):
        theirs.delete_image(image.id, ignore_missing=False)
    store.api.remove_member(member, image.id, ignore_missing=False)
    assert sees(stranger.session, image) == (False, False)


def test_plain_tenant_makes_no_image_public(projects, store, image):
    from openstack.exceptions import ForbiddenException

    with pytest.raises(ForbiddenException):
        store.api.update_image(image, visibility="public")
    with pytest.raises(cloud.ApiError, match="403"):
        store.record("public", visibility="public")
    assert store.api.get_image(image.id).visibility != "public"


def cut_short(api, image, data, size):
    """Send a part of an image's data, of which more was declared, and hang up."""
    address = urlsplit(api.get_endpoint())
    path = f"{address.path.rstrip('/').removesuffix('/v2')}/v2/images/{image.id}/file"
    if address.scheme == "https":
        verify = api.session.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        wire = http.client.HTTPSConnection(address.hostname, address.port, timeout=30, context=context)
    else:
        wire = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    wire.putrequest("PUT", path)
    for name, value in {
        "X-Auth-Token": api.session.get_token(),
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
    }.items():
        wire.putheader(name, value)
    wire.endheaders()
    wire.send(data)
    wire.close()


def test_upload_that_is_cut_short_makes_no_image_and_may_be_repeated(tenant, store, data):
    with tenant.briefly():
        image = store.record("cut-short")
        cut_short(store.api, image, data[: SIZE // 2], SIZE)

        def read():
            with cloud.explained("reading the image"):
                return store.api.get_image(image.id)

        until(
            lambda: read().status,
            ready=lambda status: status == "queued",
            error=lambda status: status == "active",
            timeout=ENDED,
            interval=1,
            settle=3,
            what=f"image {image.name}, of which half was sent",
            expected="queued, as before",
            hint="glance-api's log on the controllers",
        )
        again = store.upload(image, data)
        assert (again.status, again.hash_value) == ("active", hashlib.sha512(data).hexdigest())


def qcow2(backing):
    """The header of an image in QEMU's format whose data is another file of the host that opens it."""
    fields = [b"QFI\xfb", (2).to_bytes(4), (72).to_bytes(8), len(backing).to_bytes(4), (16).to_bytes(4)]
    fields += [SIZE.to_bytes(8), bytes(4), (1).to_bytes(4), (4096).to_bytes(8), (8192).to_bytes(8)]
    fields += [(1).to_bytes(4), bytes(4), bytes(8)]
    return (b"".join(fields) + backing).ljust(3 * 4096, b"\0")


@pytest.mark.project("nova-compute")
@pytest.mark.parametrize("content", [os.urandom(1 << 20), qcow2(b"/etc/hostname")], ids=["garbage", "backing-file"])
def test_image_that_is_not_what_it_says_boots_nothing_and_says_why(tenant, offers, store, content):
    with tenant.briefly():
        image = store.upload(store.record("false", disk_format="qcow2"), content)
        server = bare(tenant, offers, "false", image_id=image.id)
        with pytest.raises(StepFailed, match="is ERROR"):
            awaited(tenant, server, "ACTIVE")
        said = fault(tenant.session.compute.get_server(server.id))
        assert image.id in said
        assert "unacceptable" in said


@pytest.mark.needs("ceph")
def test_deleted_images_leave_nothing_in_the_pool(site, tenant, image):
    """The last test: everything is removed before it looks."""
    assert tenant.remove_all() == []
    host = site.members("glance").first
    until(
        lambda: image.id in rbd.names(host, images.CLIENT, images.POOL),
        ready=lambda found: not found,
        timeout=FREE,
        interval=1,
        what=f"pool {images.POOL}",
        expected=f"no {image.id}",
    )
