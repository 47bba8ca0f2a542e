"""Each API in turn is killed on one controller."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, process):
    return drill(lambda: drill.process.kill(drill.who.holds_vip(), process), process)


class TestApiProcesses(Promises):
    pass
