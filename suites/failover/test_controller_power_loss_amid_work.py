"""Power is cut on a controller amid work of Cinder and Glance; what it broke off can be deleted afterwards."""

import pytest

from fixtures.drills.drill import amid_work
from fixtures.drills.promises import PromisesOnReturn

pytestmark = [pytest.mark.needs("ceph"), pytest.mark.project("cinder")]

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: amid_work(drill.power.off(drill.who.neither()), workload))


class TestControllerPowerLossAmidWork(PromisesOnReturn):
    pass
