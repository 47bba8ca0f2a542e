"""A drill to be interrupted (test_drill_interrupted.py): memcached freezes on a controller, and nobody is hurt.

Not called test_..., so that no run takes it up by itself.
"""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.neither(), "memcached", seconds=120))


class TestMemcachedFrozen(Promises):
    pass
