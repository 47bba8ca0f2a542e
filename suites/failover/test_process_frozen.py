"""Each target freezes, one at a time: its port accepts connections, and no request is answered."""

import pytest

from fixtures.drills.promises import PromisesOfTarget, PromisesOnReturn

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill, workload, target):
    return drill(lambda: target.fault(drill.process.freeze, drill.who, workload), target.name)


class TestProcessFrozen(PromisesOnReturn, PromisesOfTarget):
    pass
