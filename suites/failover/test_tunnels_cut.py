"""The compute that runs the instance loses its tunnels; all other traffic passes."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.project("neutron-agents")

FAULT = "tunnel-loss"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.cut.tunnels(drill.who.runs(workload)))


class TestTunnelsCut(PromisesOnReturn):
    pass
