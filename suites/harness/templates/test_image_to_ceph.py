"""The program that copies images to Ceph: the address of a copy is printed once it was read back, and never else."""

import hashlib
import sys
from types import SimpleNamespace

import pytest

from suites.harness.clusters import choosing

NAME = "3c2f9a2e-7a53-4a71-b8a5-0f6f5a3a7a01"
FSID = "5f3f6f0c-9f4a-4b57-9f0e-9c1f4a4b6d11"
DATA = b"begin" + b"\0" * 40 + b"end"
HASH = hashlib.sha512(DATA).hexdigest()


class Pool(dict):
    """A pool: by image its content, and its snapshots with whether they are protected."""

    written = 0
    spoils = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class ImageNotFound(Exception):
    """As the library raises it."""


class Image:
    """An image of the pool, with what the program calls."""

    def __init__(self, pool, name, snapshot=None, read_only=False):
        if name not in pool or (snapshot and snapshot not in pool[name].snapshots):
            raise ImageNotFound
        self.pool, self.read_only, self.there = pool, read_only, pool[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def size(self):
        return len(self.there.data)

    def read(self, offset, length):
        return bytes(self.there.data[offset : offset + length])

    def write(self, data, offset):
        assert not self.read_only
        self.pool.written += len(data)
        self.there.data[offset : offset + len(data)] = b"spoilt" if self.pool.spoils else data

    def flush(self):
        return None

    def list_snaps(self):
        return iter([{"name": name} for name in self.there.snapshots])

    def is_protected_snap(self, name):
        return self.there.snapshots[name]

    def create_snap(self, name):
        self.there.snapshots[name] = False

    def protect_snap(self, name):
        self.there.snapshots[name] = True

    def unprotect_snap(self, name):
        self.there.snapshots[name] = False

    def remove_snap(self, name):
        assert not self.there.snapshots.pop(name)


class Rbd:
    """The calls that make and remove images."""

    def create(self, pool, name, size, order, old_format):
        assert (name not in pool, order, old_format) == (True, 23, False)
        pool[name] = SimpleNamespace(data=bytearray(size), snapshots={})

    def remove(self, pool, name):
        assert not pool[name].snapshots
        del pool[name]


@pytest.fixture
def pool():
    return Pool()


@pytest.fixture
def program(tree_of, tmp_path, monkeypatch, pool):
    (tmp_path / NAME).write_bytes(DATA)
    connection = SimpleNamespace(
        connect=lambda: None, shutdown=lambda: None, get_fsid=lambda: FSID, open_ioctx=lambda _: pool
    )
    monkeypatch.setitem(sys.modules, "rados", SimpleNamespace(Rados=lambda **_: connection))
    monkeypatch.setitem(sys.modules, "rbd", SimpleNamespace(Image=Image, RBD=Rbd, ImageNotFound=ImageNotFound))
    text = tree_of(choosing("lab", "glance", "ceph"))["controller01"][
        "/usr/local/libexec/stackproof/image-to-ceph"
    ].text
    names = {"__name__": "program"}
    exec(compile(text, "image-to-ceph", "exec"), names)  # noqa: S102 - the program as the hosts get it
    names |= {"FOLDER": str(tmp_path), "CHUNK": 16}
    return SimpleNamespace(**names, globals=names)


def copy(program, capsys, expected=HASH):
    program.main("copy", NAME, "sha512", expected)
    return capsys.readouterr().out


def test_a_copy_is_whole_and_its_address_is_printed(program, pool, capsys):
    assert copy(program, capsys) == f"rbd://{FSID}/images/{NAME}/snap\n"
    assert (bytes(pool[NAME].data), pool[NAME].snapshots) == (DATA, {"snap": True})
    assert pool.written < len(DATA)


def test_a_finished_copy_is_only_read(program, pool, capsys):
    copy(program, capsys)
    pool.written = 0
    assert copy(program, capsys).startswith("rbd://")
    assert pool.written == 0


@pytest.mark.parametrize("snapshots", [{}, {"snap": False}])
def test_an_unfinished_copy_is_made_anew(program, pool, capsys, snapshots):
    pool[NAME] = SimpleNamespace(data=bytearray(b"half"), snapshots=dict(snapshots))
    assert copy(program, capsys).startswith("rbd://")
    assert bytes(pool[NAME].data) == DATA


def test_a_copy_that_differs_is_removed(program, pool, capsys):
    pool.spoils = True
    assert copy(program, capsys) == "differs\n"
    assert pool == {}


def test_a_file_that_is_not_what_glance_recorded_stays_where_it_is(program, pool, capsys, tmp_path):
    assert copy(program, capsys, "0" * 128) == "differs\n"
    assert pool == {}
    assert (tmp_path / NAME).read_bytes() == DATA


def test_the_copy_of_a_deleted_image_is_removed(program, pool, capsys):
    copy(program, capsys)
    program.main("discard", NAME)
    program.main("discard", NAME)
    assert pool == {}
