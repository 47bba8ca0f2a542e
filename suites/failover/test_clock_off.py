"""The clock of Keystone on one controller is 5 minutes behind or ahead; the other members still accept its tokens."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

FAULT = "clock-off"


SECONDS = {"behind": -300, "ahead": 300}


@pytest.fixture(scope="module", params=SECONDS)
def record(request, drill):
    return drill(lambda: drill.clock.shift(drill.who.neither(), SECONDS[request.param]), request.param)


class TestClockOff(PromisesMeanwhile):
    pass
