"""Power is cut on the compute with the instance on it: the control plane notices, and nobody else does."""

import pytest

from fixtures.drills.promises import Promises

pytestmark = pytest.mark.project("nova-compute")

FAULT = "compute-loss"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.power.off(drill.who.runs(workload)))


class TestComputePowerLoss(Promises):
    pass
