"""Power is cut on a majority of the controllers; the others stop serving, and resume when power is back."""

import pytest

from fixtures.drills.promises import PromisesOfStop

FAULT = "quorum-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.who.majority()))


class TestMajorityPowerLoss(PromisesOfStop):
    pass
