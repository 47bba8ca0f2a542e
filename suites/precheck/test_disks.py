"""No disk that Ceph or LVM is to have carries anything: a build never wipes one."""

import pytest

from deploy import rados
from deploy.facts import disks, volume_group

pytestmark = pytest.mark.precheck
LOOK = "lsblk -f, wipefs DISK"


def test_disks_for_ceph_are_empty_or_its_own(node, reader, standing, cluster, expect):
    if "ceph" not in cluster.features or "storage" not in node.roles:
        return
    fsid = rados.fsid(standing.secrets)
    found = disks.read(reader, cluster.disks(node)).values()
    wrong = [why for disk in found if (why := disk.refused(ours=disk.ours(fsid)))]
    expect("disks that cannot be used", wrong, [], f"{LOOK}, ceph-bluestore-tool show-label --dev DISK")


@pytest.mark.needs("lvm")
def test_volume_group_is_there_or_can_be_made(node, reader, cluster, expect):
    if "storage" not in node.roles:
        return
    group = volume_group.read(reader, cluster.cinder.volume_group, cluster.disks(node))
    expect(f"what is in the way of the volume group {group.name}", group.refused, (), f"{LOOK}, vgs, pvs")
