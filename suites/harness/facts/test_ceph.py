"""Facts of Ceph: status, OSDs, pools and accounts as its commands print them, and what disks carry."""

from types import SimpleNamespace

import pytest

from deploy import rados
from deploy.facts import ceph, ceph_ask, ceph_disks, disks
from deploy.facts.ceph import CephStatus, Monitor, Osd
from deploy.facts.ceph_disks import Folder
from deploy.facts.disks import Disk
from deploy.rados import Account, Pool

STORES = ("storage01", "storage02", "storage03")
FSID = "3b3dceef-e36a-90b4-b6dd-4c6f9a5377c6"


def test_a_whole_cluster(recording):
    found = ceph.parse_status(recording("ceph", "status"))
    assert (found.fsid, found.health, found.checks, found.quorum) == (FSID, "HEALTH_OK", (), STORES)
    assert (found.osds, found.up, found.inside, found.managed) == (3, 3, 3, True)
    assert (found.groups, found.states, found.clean, found.active) == (56, (("active+clean", 56),), True, True)
    assert found.used == pytest.approx(0.095, abs=0.001)


def test_a_cluster_that_lost_a_host(recording):
    found = ceph.parse_status(recording("ceph", "status-one-host-lost"))
    assert (found.health, found.quorum) == ("HEALTH_WARN", STORES[:2])
    assert dict(found.checks)["OSD_DOWN"] == "1 osds down"
    assert (found.up, found.clean, found.active) == (3, False, True)


@pytest.mark.parametrize(
    ("states", "clean", "active"),
    [
        ({"active+clean": 8}, True, True),
        ({"active+clean": 7, "active+clean+scrubbing+deep": 1}, True, True),
        ({"active+clean": 7, "active+undersized+degraded": 1}, False, True),
        ({"active+clean": 7, "peering": 1}, False, False),
        ({"active+clean": 7, "stale+down": 1}, False, False),
        ({"active+clean": 7, "inactive": 1}, False, False),
        ({}, False, False),
    ],
)
def test_data_is_clean_and_in_reach(states, clean, active):
    found = CephStatus(groups=8, states=tuple(states.items()))
    assert (found.clean, found.active) == (clean, active)


def test_a_cluster_without_placement_groups_is_not_clean():
    assert not CephStatus().clean


@pytest.mark.parametrize(
    ("text", "ratio"),
    [('{"nearfull_ratio": 0.8500000238418579}', 0.85), ('{"full_ratio": 0.95}', None), ("", None), ("[]", None)],
)
def test_the_share_above_which_ceph_warns(text, ratio):
    assert ceph.parse_nearly_full(text) == ratio


def test_osds_with_their_hosts(recording):
    assert ceph.parse_osds(recording("ceph", "tree")) == (
        Osd(2, "storage01", up=True, inside=True),
        Osd(1, "storage02", up=True, inside=True),
        Osd(0, "storage03", up=True, inside=True),
    )


def test_pools_with_copies_and_uses(recording):
    found = ceph.parse_pools(recording("ceph", "pools"))
    assert found["images"] == Pool("images", 3, 2, 16, ("rbd",))
    assert found[rados.OWN] == Pool(rados.OWN, 3, 2, 8, (rados.OWN,))


def test_accounts_with_their_rights_and_hidden_keys(recording):
    found = ceph.parse_accounts(recording("ceph", "accounts"))
    assert found["mgr.storage01"].rights == {"mds": "allow *", "mon": "allow profile mgr", "osd": "allow *"}
    assert found["client.glance"] == Account(
        "AQBH6gxrAAAAABAAWrrkr7xe9McpcfeoF9h06w==",
        {"mgr": "profile rbd pool=images", "mon": "profile rbd", "osd": "profile rbd pool=images"},
    )
    assert "AQBH" not in repr(found)


def test_what_daemons_tell_of_themselves(recording):
    assert ceph.parse_monitor(recording("ceph", "mon_status")) == Monitor("leader", STORES)
    assert ceph.parse_state(recording("ceph", "osd_status")) == "active"


def test_versions_and_clocks(recording):
    assert list(ceph.parse_versions(recording("ceph", "versions")).values()) == [9]
    assert ceph.parse_skews(recording("ceph", "time")) == dict.fromkeys(STORES, 0.0)


@pytest.mark.parametrize("text", ["", "garbage", "[]", "{}", "null", "3", '{"nodes": 1}', "[1]"])
def test_garbage_is_no_answer(text):
    assert ceph.parse_status(text) == CephStatus()
    assert ceph.parse_monitor(text) == Monitor()
    for parse in (ceph.parse_osds, ceph.parse_pools, ceph.parse_accounts, ceph.parse_versions, ceph.parse_skews):
        assert not parse(text)
    assert ceph.parse_state(text) == ""
    assert ceph_ask.parse(text) == ceph_ask.Said()
    assert ceph_ask.objects(text) in ({}, {"nodes": 1})


def test_answers_that_are_missing_are_without_success():
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out='[0, "{}", ""]\n'))
    first, second = ceph_ask.ask(host, ceph_ask.Question.of("status"), ceph_ask.Question.of("mon dump"))
    assert (first.code, second.code) == (0, 1)


def test_a_key_is_on_no_command_line():
    lines = []
    host = SimpleNamespace(run=lambda *words, stdin, **_: lines.append((words, stdin)) or SimpleNamespace(out=""))
    ceph_ask.ask(host, ceph_ask.Question.of("auth import", given="the-key"))
    ((words, stdin),) = lines
    assert "the-key" in stdin
    assert "the-key" not in " ".join(words)


DISKS = """disk\t/dev/disk/by-id/empty
disk\t/dev/disk/by-id/missing
missing
disk\t/dev/disk/by-id/partitioned
saw\tgpt at 0x200
saw\tpartition table gpt
saw\t/dev/sdb1 part ext4
disk\t/dev/disk/by-id/ours
saw\tceph_bluestore at 0x0
saw\tan OSD of Ceph
label\t{"/dev/sdc": {"ceph_fsid": "3b3dceef-e36a-90b4-b6dd-4c6f9a5377c6", "whoami": "4", "ready": "ready"}}
disk\t/dev/disk/by-id/theirs
saw\tceph_bluestore at 0x0
saw\tan OSD of Ceph
label\t{"/dev/sdd": {"ceph_fsid": "11111111-1111-1111-1111-111111111111", "whoami": "0", "ready": "ready"}}
disk\t/dev/disk/by-id/unfinished
saw\tan OSD of Ceph
label\t{"/dev/sde": {"ceph_fsid": "3b3dceef-e36a-90b4-b6dd-4c6f9a5377c6", "whoami": "5"}}
disk\t/dev/disk/by-id/torn
saw\tan OSD of Ceph
label\t
"""


def test_a_disk_that_carries_anything_is_refused_in_plain_words():
    found = {disk.path.rpartition("/")[2]: disk.refused(ours=disk.ours(FSID)) for disk in disks.parse(DISKS)}
    assert [name for name, why in found.items() if not why] == ["empty", "ours"]
    assert "is not there" in found["missing"]
    assert found["partitioned"] == (
        "/dev/disk/by-id/partitioned IS NOT EMPTY: it carries gpt at 0x200, partition table gpt, /dev/sdb1 part ext4"
    )
    assert "osd.0 of the cluster 11111111-1111-1111-1111-111111111111" in found["theirs"]
    assert "an OSD of Ceph" in found["unfinished"]
    assert "an OSD of Ceph" in found["torn"]


def test_an_osd_of_its_own_is_known_by_its_number():
    (own,) = (disk for disk in disks.parse(DISKS) if disk.ours(FSID))
    assert (own.osd, Disk("x").ours(FSID)) == (4, False)


def test_folders_of_osds():
    text = f"osd\t0\t{FSID}\t\tready\nosd\t3\t{FSID}\t/dev/sdb\tready\nosd\t5\t\t\t\ngarbage\n"
    assert ceph_disks.parse_folders(text) == (
        Folder(0, FSID, ready=True),
        Folder(3, FSID, "/dev/sdb", ready=True),
        Folder(5),
    )
