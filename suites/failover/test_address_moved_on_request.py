"""An operator moves the VIP to another controller."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "moved"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.maintenance.move("vip", drill.who.holds_vip()))


class TestAddressMovedOnRequest(Promises):
    pass
