"""Volume groups: made of empty disks, extended by further ones, and never of a disk that carries anything."""

import pytest

from deploy.errors import StepFailed
from deploy.facts import volume_group
from deploy.facts.disks import Disk
from deploy.facts.volume_group import VolumeGroup
from deploy.host import Host
from deploy.making import volume_groups
from suites.harness.clusters import with_backend

EMPTY, OWN = Disk("/dev/sdb"), Disk("/dev/sdc", carries=("LVM2_member at 0x218",), group="v")
OTHER = Disk("/dev/sdd", carries=("ext4 at 0x438",))


@pytest.fixture
def commands(monkeypatch):
    """The commands that would run on hosts, without repetitions."""
    ran = []
    monkeypatch.setattr(Host, "change", lambda _, __, command, **___: ran.append(command))
    return ran


@pytest.mark.parametrize(
    ("group", "command"),
    [
        (VolumeGroup("v", disks=(EMPTY,)), "vgcreate -q -- v /dev/sdb"),
        (VolumeGroup("v", there=True, disks=(EMPTY, OWN)), "vgextend -q -- v /dev/sdb"),
        (VolumeGroup("v", there=True, disks=(OWN,)), ""),
        (VolumeGroup("v", there=True), ""),
    ],
)
def test_a_group_gets_the_disks_that_it_lacks(site_of, monkeypatch, commands, group, command):
    monkeypatch.setattr(volume_group, "read", lambda *_: group)
    site = site_of(with_backend("lvm"))
    volume_groups.refuse(site)
    volume_groups.ensure(site)
    assert set(commands) == ({command} if command else set())


def test_a_disk_that_carries_anything_stops_the_build_before_any_change(site_of, monkeypatch, commands):
    found = {"storage02": VolumeGroup("cinder-volumes", disks=(EMPTY, OTHER))}
    well = VolumeGroup("cinder-volumes", there=True)
    monkeypatch.setattr(volume_group, "read", lambda host, *_: found.get(host.name, well))
    with pytest.raises(StepFailed, match="cinder: 1 disk cannot be used, and nothing was changed") as caught:
        volume_groups.refuse(site_of(with_backend("lvm")))
    assert caught.value.seen == "storage02: /dev/sdd IS NOT EMPTY: it carries ext4 at 0x438"
    assert commands == []
