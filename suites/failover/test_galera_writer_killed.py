"""MariaDB is killed on the member that takes all writes."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.kill(drill.who.writer(), "galera"))


class TestGaleraWriterKilled(Promises):
    pass
