"""Each target is stopped, one at a time, as by mistake; Pacemaker starts its own units again."""

import pytest

from fixtures.drills.promises import PromisesOfTarget

FAULT = "process-stop"


@pytest.fixture(scope="module")
def record(drill, workload, target):
    return drill(lambda: target.fault(drill.process.stop, drill.who, workload), target.name)


class TestProcessStopped(PromisesOfTarget):
    pass
