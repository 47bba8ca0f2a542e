"""The controller that holds the VIP hears nothing of its peers, which hear it."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.off(drill.who.holds_vip(), "in"))


class TestOneWayLoss(Promises):
    pass
