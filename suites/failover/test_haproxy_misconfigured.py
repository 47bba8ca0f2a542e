"""HAProxy's file is invalid on the VIP's host; a reload is refused, and a restart moves the VIP."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

FAULT = "config-bad"


@pytest.fixture(scope="module", params=["reload", "restart"])
def record(request, drill):
    return drill(lambda: drill.configuration.nonsense(drill.who.holds_vip(), request.param), request.param)


class TestHaproxyMisconfigured(PromisesMeanwhile):
    pass
