"""The mend of glance_store's store for Ceph: what one upload learned of its size is not the next one's."""

import sys
from types import ModuleType

import pytest

from deploy.catalogue import read

PATH = read.ROOT / "glance/files/{python-modules}/stackproof_rbd_store.py.j2"


class Store:
    """The part of glance_store's that keeps sizes."""

    WRITE_CHUNKSIZE = 8

    def __init__(self):
        self.size, self.resize_amount = 0, self.WRITE_CHUNKSIZE

    def add(self, chunks, image):
        written = 0
        for length in chunks:
            if self.size < written + length:
                self.size += self.resize_amount
                self.resize_amount *= 2
                image.append(self.size)
            written += length
        return written


@pytest.fixture
def store(monkeypatch):
    for name in ("glance_store", "glance_store._drivers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    rbd = ModuleType("glance_store._drivers.rbd")
    rbd.Store = type("Store", (Store,), {"add": Store.add})
    monkeypatch.setitem(sys.modules, rbd.__name__, rbd)
    text = PATH.read_text().split("\n", 1)[1].rsplit("{% endif %}", 1)[0]
    exec(compile(text, PATH.name, "exec"), {})  # noqa: S102 - the module as the hosts get it
    return rbd.Store()


def test_each_upload_begins_with_a_size_of_its_own(store):
    first, second = [], []
    assert store.add([8, 8, 8], first) == store.add([8, 8, 8], second) == 24
    assert first == second == [8, 24]
