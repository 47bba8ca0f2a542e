"""Power is cut on the Galera writer, whether or not it holds the VIP."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(drill.who.writer()))


class TestGaleraWriterPowerLoss(PromisesOnReturn):
    pass
