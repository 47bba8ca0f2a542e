"""The disk is full that the leading monitor of Ceph writes to; in a lab, the OSDs of its host write to it as well."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile, PromisesOnReturn

pytestmark = pytest.mark.needs("ceph")

FAULT = "disk-full"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.disk.fill(drill.who.leads_ceph(), "ceph-mon"))


class TestDiskFullAtAStorageNode(PromisesMeanwhile, PromisesOnReturn):
    pass
