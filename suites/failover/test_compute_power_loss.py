"""Power is cut on the compute that runs the instance; no service of the control plane may be away."""

import pytest

from fixtures.drills.promises import Promises

pytestmark = pytest.mark.project("nova-compute")

FAULT = "compute-loss"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.power.off(drill.who.runs(workload)))


class TestComputePowerLoss(Promises):
    pass
