"""Power is cut on two controllers of three: the last one stops rather than lie, and goes on when they are back."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "quorum-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.site.controllers.without(drill.who.writer().name).values()))


class TestTwoControllersPowerLoss(Promises):
    pass
