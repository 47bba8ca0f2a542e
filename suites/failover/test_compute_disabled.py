"""The compute with the instance on it is disabled for maintenance, and enabled again."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "drained"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.maintenance.disable(drill.who.runs(workload)))


class TestComputeDisabled(Promises):
    pass
