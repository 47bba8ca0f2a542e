"""No disk that Ceph is to have carries anything: a build never wipes one."""

import pytest

from deploy import rados
from deploy.facts import ceph_disks

pytestmark = pytest.mark.precheck


def test_disks_for_ceph_are_empty_or_its_own(node, reader, standing, cluster, expect):
    if "ceph" not in cluster.features or "storage" not in node.roles:
        return
    disks = ceph_disks.read(reader, cluster.disks(node)).values()
    wrong = [why for disk in disks if (why := disk.refused(rados.fsid(standing.secrets)))]
    expect("disks that cannot be used", wrong, [], "lsblk -f, wipefs DISK, ceph-bluestore-tool show-label --dev DISK")
