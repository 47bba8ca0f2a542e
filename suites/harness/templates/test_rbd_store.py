"""The mend of glance_store's store for Ceph: an image without a declared size is never smaller than what is written."""

import sys
from types import ModuleType

import pytest

from deploy.catalogue import read

PATH = read.ROOT / "glance/files/{python-modules}/stackproof_rbd_store.py.j2"
MIB = 1 << 20


class Image:
    def __init__(self, size=0):
        self.sizes = [size]

    def size(self):
        return self.sizes[-1]

    def resize(self, size):
        self.sizes.append(size)


@pytest.fixture
def grown(monkeypatch):
    for name in ("glance_store", "glance_store._drivers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    rbd = ModuleType("glance_store._drivers.rbd")
    rbd.Store = type("Store", (), {})
    monkeypatch.setitem(sys.modules, rbd.__name__, rbd)
    text = PATH.read_text().split("\n", 1)[1].rsplit("{% endif %}", 1)[0]
    exec(compile(text, PATH.name, "exec"), {})  # noqa: S102 - the module as the hosts get it
    return rbd.Store()._resize_on_write


def test_an_image_has_room_for_each_chunk_and_doubles(grown):
    image, written = Image(), 0
    for chunk in (8 * MIB + 15518, 8 * MIB, 8 * MIB, 1):
        assert grown(image, 0, written, chunk) >= written + chunk
        written += chunk
    assert image.sizes == [0, 8 * MIB + 15518, 2 * (8 * MIB + 15518), 4 * (8 * MIB + 15518)]


def test_an_image_grows_by_8_gib_at_most(grown):
    assert grown(Image(100 << 30), 0, 100 << 30, MIB) == 108 << 30


def test_an_image_of_a_declared_size_stays_as_it_is(grown):
    image = Image(5 * MIB)
    assert grown(image, 5 * MIB, 0, 5 * MIB) == 5 * MIB
    assert image.sizes == [5 * MIB]
