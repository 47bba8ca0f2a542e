"""Each target is killed, one at a time; Pacemaker or systemd starts it again."""

import pytest

from fixtures.drills.promises import PromisesOfProcess

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, workload, target):
    return drill(lambda: target.fault(drill.process.kill, drill.who, workload), target.name)


class TestProcessKilled(PromisesOfProcess):
    pass
