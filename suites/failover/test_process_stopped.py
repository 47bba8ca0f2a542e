"""Every service is stopped, one at a time, as by a mistake: Pacemaker starts its own again."""

import pytest

from fixtures.drills.faults.process import TARGETS
from fixtures.drills.promises import Promises

FAULT = "process-stop"


@pytest.fixture(scope="module", params=TARGETS)
def record(request, drill, workload):
    target = TARGETS[request.param]
    return drill(lambda: target.fault(drill.process.stop, drill.who, workload), request.param)


class TestProcessStopped(Promises):
    pass
