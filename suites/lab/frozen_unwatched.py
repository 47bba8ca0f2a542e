"""As frozen_memcached.py, with no instance to watch, so that it is begun minutes sooner on a busy machine."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="session")
def workload():
    return None


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.neither(), "memcached", seconds=120))


class TestMemcachedFrozen(Promises):
    pass
