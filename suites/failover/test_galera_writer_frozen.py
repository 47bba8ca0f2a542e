"""MariaDB freezes on the member that takes all writes: it takes connections and answers nobody."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.writer(), "galera"))


class TestGaleraWriterFrozen(PromisesOnReturn):
    pass
