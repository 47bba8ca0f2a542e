"""Every process worth losing freezes, one at a time: what it listens on takes connections, and nobody answers."""

import pytest

from fixtures.drills.faults.process import TARGETS
from fixtures.drills.promises import PromisesOnReturn

FAULT = "frozen"


@pytest.fixture(scope="module", params=TARGETS)
def record(request, drill, workload):
    target = TARGETS[request.param]
    return drill(lambda: target.fault(drill.process.freeze, drill.who, workload), request.param)


class TestProcessFrozen(PromisesOnReturn):
    pass
