"""Ceph takes its OSDs for nearly full: it warns, and everything goes on."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

pytestmark = pytest.mark.needs("ceph")

FAULT = "disk-full"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.disk.warn(drill.who.leads_ceph()))


class TestPoolsNearlyFull(PromisesMeanwhile):
    pass
