"""The controller that holds the VIP receives nothing from the other nodes; they still receive its packets."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.off(drill.who.holds_vip(), "in"))


class TestOneWayLoss(Promises):
    pass
