"""A drill that test_drill_interrupted.py interrupts: memcached freezes on a controller, which harms no client.

The file is not called test_..., so that pytest does not collect it in other runs.
"""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.neither(), "memcached", seconds=120))


class TestMemcachedFrozen(Promises):
    pass
