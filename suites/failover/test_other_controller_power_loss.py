"""Power is cut on a controller that is neither VIP holder nor Galera writer."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.neither()))


class TestOtherControllerPowerLoss(PromisesOnReturn):
    pass
