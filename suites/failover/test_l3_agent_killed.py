"""The L3 agent is killed where the instance's router is active: packets still pass."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.process.kill(drill.who.routes(workload), "neutron-l3-agent", "main"))


class TestL3AgentKilled(Promises):
    pass
