"""Power is cut on the controller that holds the VIP."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.holds_vip()))


class TestVipHolderPowerLoss(PromisesOnReturn):
    pass
