"""The first content: what the build uploads and deletes, beside images and networks of others."""

from types import SimpleNamespace

import pytest
from openstack.exceptions import ConflictException
from openstack.image.v2.image import Image

from deploy.errors import StepFailed
from deploy.guest import GuestImage
from deploy.steps import content
from deploy.steps.content import MARK, PARTS

ADMIN, TENANT = "admin-project", "tenant-project"


class Glance:
    """An image service: images by identifier, as the administrator sees those of all projects."""

    current_project_id = ADMIN

    def __init__(self, *there):
        self.all = {each.id: each for each in there}

    @property
    def image(self):
        return self

    def images(self, **wanted):
        keep = {key: value for key, value in wanted.items() if value}
        return [each for each in self.all.values() if all(getattr(each, key) == value for key, value in keep.items())]

    def create_image(self, name, *, data, **given):
        assert data.read()
        how = {key: given.pop(key) for key in ("visibility", "wait", "disk_format", "container_format")}
        bare = how["disk_format"] not in {"aki", "ari"}
        assert how == {**how, "visibility": "public", "wait": True, **({"container_format": "bare"} if bare else {})}
        properties = {key: value for key, value in given.items() if key != "validate_checksum"}
        made = image(f"new-{name}", name, **properties)
        self.all[made.id] = made
        return made

    def delete_image(self, which):
        self.all.pop(getattr(which, "id", which), None)


def image(identifier, name="cirros", owner=ADMIN, status="active", **properties):
    return Image.existing(id=identifier, name=name, owner=owner, status=status, **properties)


@pytest.fixture
def guest(tmp_path):
    for name in ("disk", "kernel", "ramdisk"):
        (tmp_path / name).write_text(name)
    return GuestImage(
        name="cirros",
        disk=tmp_path / "disk",
        disk_format="qcow2",
        checksum="1",
        kernel=tmp_path / "kernel",
        ramdisk=tmp_path / "ramdisk",
    )


NEW = {"new-cirros", *(f"new-{part}" for part in PARTS)}
CURRENT = (
    image("ours", kernel_id="k", ramdisk_id="r", **{MARK: "1"}),
    image("k", PARTS[0], **{MARK: "1"}),
    image("r", PARTS[1], **{MARK: "1"}),
)
TENANTS = (image("theirs", owner=TENANT), image("copy", owner=TENANT, **{MARK: "1"}), image("k2", PARTS[0], TENANT))


@pytest.mark.parametrize(
    ("there", "left"),
    [
        pytest.param((), NEW, id="empty cloud"),
        pytest.param(CURRENT, {"ours", "k", "r"}, id="current"),
        pytest.param(CURRENT[:2], NEW, id="ramdisk deleted by hand"),
        pytest.param(TENANTS, NEW | {"theirs", "copy", "k2"}, id="tenants' images of the same names"),
        pytest.param(
            (image("old", kernel_id="k", ramdisk_id="r", **{MARK: "0"}), image("k", PARTS[0]), image("r", PARTS[1])),
            NEW,
            id="of another guest image",
        ),
        pytest.param((image("half", status="saving", **{MARK: "1"}),), NEW, id="upload that was interrupted"),
        pytest.param((*CURRENT, image("k3", PARTS[0], **{MARK: "1"})), {"ours", "k", "r"}, id="part of nothing"),
        pytest.param((*CURRENT, image("other", "debian")), {"ours", "k", "r", "other"}, id="administrator's others"),
    ],
)
def test_only_what_this_tool_uploaded_is_deleted(guest, there, left):
    glance = Glance(*there)
    content._image(glance, guest)
    assert set(glance.all) == left
    content._image(glance, guest)
    assert set(glance.all) == left


def test_an_image_whose_clones_are_in_use_stays_under_another_name(guest):
    class Cloned(Glance):
        def delete_image(self, which):
            raise ConflictException(f"{which} is in use")

        def update_image(self, identifier, name):
            self.all[identifier].name = name

    old = (image("old", kernel_id="k", ramdisk_id="r", **{MARK: "0"}), image("k", PARTS[0]), image("r", PARTS[1]))
    glance = Cloned(*old)
    for _ in range(2):
        content._image(glance, guest)
        assert set(glance.all) == NEW | {"old", "k", "r"}
        assert {each.name for each in old} == {"cirros-old", "cirros-k", "cirros-r"}


def test_an_image_of_the_administrator_stops_the_build(guest):
    glance = Glance(image("by-hand"))
    with pytest.raises(StepFailed, match="not made by this tool"):
        content._image(glance, guest)
    assert set(glance.all) == {"by-hand"}


class Neutron:
    """A network service with networks of which none, or one, is the provider network."""

    def __init__(self, *names):
        self.there, self.made = [SimpleNamespace(id=name, name=name) for name in names], []

    @property
    def network(self):
        return self

    def networks(self, **wanted):
        assert wanted == {"provider_network_type": "flat", "provider_physical_network": "provider"}
        return self.there

    def create_network(self, **given):
        self.made.append(given["name"])
        return SimpleNamespace(id="new")

    def find_subnet(self, _name, network_id):
        return network_id != "new"

    def create_subnet(self, **given):
        self.made.append(given["network_id"])


def test_the_provider_network_is_found_by_its_physical_network(site_of):
    standing, empty = Neutron("provider"), Neutron()
    for neutron in (standing, empty):
        content._network(site_of("lab"), neutron)
    assert (standing.made, empty.made) == ([], ["provider", "new"])


def test_a_provider_network_of_another_name_stops_the_build(site_of):
    with pytest.raises(StepFailed, match="another name"):
        content._network(site_of("lab"), Neutron("external"))
