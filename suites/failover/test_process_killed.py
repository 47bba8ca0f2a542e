"""Every process worth losing is killed, one at a time; whoever owns it starts it again."""

import pytest

from fixtures.drills.faults.process import TARGETS
from fixtures.drills.promises import PromisesOfProcess

FAULT = "process-kill"


@pytest.fixture(scope="module", params=TARGETS)
def record(request, drill, workload):
    target = TARGETS[request.param]
    return drill(lambda: target.fault(drill.process.kill, drill.who, workload), request.param)


class TestProcessKilled(PromisesOfProcess):
    pass
