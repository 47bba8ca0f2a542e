"""Power is cut on the storage node whose monitor leads."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.needs("ceph")

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.leads_ceph()))


class TestStoragePowerLoss(PromisesOnReturn):
    pass
