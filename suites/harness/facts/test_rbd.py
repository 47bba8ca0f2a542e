"""Facts of clients of Ceph: images in a pool, and the keys that libvirt has."""

import pytest

from deploy.errors import CommandFailed
from deploy.facts import libvirt_secrets, rbd, started
from fixtures.prechecks import ThisMachine

HOST = ThisMachine()
LISTED = """[{"image":"a","id":"1","size":64,"format":2},{"image":"a","id":"1","snapshot":"snap","snapshot_id":4,\
"size":64,"format":2,"protected":"true"},{"image":"b","id":"2","size":8,"format":2}]"""


def test_images_of_a_pool_have_the_size_of_their_snapshot():
    assert rbd.parse(HOST, LISTED) == {"a": 64, "b": -1}
    assert rbd.parse(HOST, "[]") == {}


@pytest.mark.parametrize("text", ["", "garbage", "{}x", "[1]", '[{"size": 1}]', "null"])
def test_a_listing_of_garbage_is_refused(text):
    with pytest.raises(CommandFailed):
        rbd.parse(HOST, text)


def test_names_are_told_and_garbage_is_refused():
    assert rbd.parse_names(HOST, '["a","b"]') == {"a", "b"}
    for text in ("", "garbage", "[1]", "{}"):
        with pytest.raises(CommandFailed):
            rbd.parse_names(HOST, text)


def test_the_parent_of_a_clone_is_told():
    clone = '{"name":"x","size":1,"parent":{"pool":"images","image":"a","snapshot":"snap","overlap":1}}'
    assert rbd.parse_parent(clone) == "images/a@snap"
    assert [rbd.parse_parent(text) for text in ("", "garbage", "{}", "[]", '{"parent": 1}')] == [""] * 5


def test_the_hosts_that_have_an_image_open_are_told():
    watched = '{"watchers":[{"address":"10.0.0.31:0/3212","client":4,"cookie":1},{"address":"v1:10.0.0.32:0/8"}]}'
    assert rbd.parse_users(watched) == {"10.0.0.31", "10.0.0.32"}
    assert [rbd.parse_users(text) for text in ("", "garbage", "{}", '{"watchers":[]}')] == [frozenset()] * 4


def test_starts_of_a_domain_are_counted():
    assert [started.parse(text) for text in ("2\n", "0\n", "", "garbage")] == [2, 0, 0, 0]


def test_states_of_libvirts_secrets_are_read():
    assert libvirt_secrets.parse("nova same\ncinder none\n") == {"nova": "same", "cinder": "none"}
    assert libvirt_secrets.parse("garbage\nnova maybe\n") == {}
