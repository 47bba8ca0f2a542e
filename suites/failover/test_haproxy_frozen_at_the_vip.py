"""HAProxy freezes on the controller that holds the VIP: systemd calls it active."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.holds_vip(), "haproxy"))


class TestHaproxyFrozenAtTheVip(Promises):
    pass
