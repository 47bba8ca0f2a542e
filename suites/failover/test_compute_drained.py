"""The compute that runs the instance is drained for maintenance; afterwards the instance is moved back."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "drained"
pytestmark = [pytest.mark.needs("second-compute"), pytest.mark.project("nova-compute")]


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.maintenance.drain(drill.who.runs(workload), workload.servers if workload else ()))


class TestComputeDrained(PromisesOnReturn):
    pass
