"""The controller that holds the VIP is cut off from the other nodes, and still reaches everything else."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.off(drill.who.holds_vip()))


class TestControllerIsolated(PromisesOnReturn):
    pass
