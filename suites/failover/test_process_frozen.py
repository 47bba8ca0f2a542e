"""Every process worth losing freezes, one at a time: what it listens on takes connections, and nobody answers."""

import pytest

from fixtures.drills.process import TARGETS
from fixtures.drills.promises import PromisesOnReturn

FAULT = "frozen"


@pytest.fixture(scope="module", params=TARGETS)
def record(request, drill, workload):
    target = TARGETS[request.param]

    def fault():
        victim = target.victim(drill.who, workload)
        return drill.process.freeze(victim, target.service, target.processes)

    return drill(fault, request.param)


class TestProcessFrozen(PromisesOnReturn):
    pass
