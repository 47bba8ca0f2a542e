"""Keystone lives five minutes in the past, or ahead, on one controller: its tokens are the others' as well."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

FAULT = "clock-off"


@pytest.fixture(scope="module", params=[-300, 300], ids=["behind", "ahead"])
def record(request, drill):
    of = "behind" if request.param < 0 else "ahead"
    return drill(lambda: drill.clock.shift(drill.who.neither(), request.param), of)


class TestClockOff(PromisesMeanwhile):
    pass
