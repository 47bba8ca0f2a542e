"""Every process worth losing is killed, one at a time; whoever owns it starts it again."""

import pytest

from fixtures.drills.promises import PromisesOfProcess

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, workload, target):
    return drill(lambda: target.fault(drill.process.kill, drill.who, workload), target.name)


class TestProcessKilled(PromisesOfProcess):
    pass
