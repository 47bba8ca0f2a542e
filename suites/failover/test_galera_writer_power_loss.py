"""Power is cut on the controller that takes the database's writes, whether or not the VIP is there too."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.writer()))


class TestGaleraWriterPowerLoss(PromisesOnReturn):
    pass
