"""The controller that holds the VIP is put into standby and taken out again, as for maintenance."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "standby"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.maintenance.standby(drill.who.holds_vip()))


class TestStandbyAndBack(PromisesOnReturn):
    pass
