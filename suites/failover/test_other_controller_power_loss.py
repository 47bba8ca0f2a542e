"""Power is cut on a controller that neither holds the VIP nor takes the database's writes."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.neither()))


class TestOtherControllerPowerLoss(PromisesOnReturn):
    pass
