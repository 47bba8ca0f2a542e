"""HAProxy is killed on the controller that holds the VIP."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.kill(drill.who.holds_vip(), "haproxy"))


class TestHaproxyKilledAtTheVip(Promises):
    pass
