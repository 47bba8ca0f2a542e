"""Every process worth losing freezes, one at a time: what it listens on takes connections, and nobody answers."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill, workload, target):
    return drill(lambda: target.fault(drill.process.freeze, drill.who, workload), target.name)


class TestProcessFrozen(PromisesOnReturn):
    pass
