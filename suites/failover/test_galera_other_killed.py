"""MariaDB is killed on a member that stands by."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.kill(drill.who.not_writer(), "galera"))


class TestGaleraOtherKilled(Promises):
    pass
