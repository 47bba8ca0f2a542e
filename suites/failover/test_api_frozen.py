"""An API freezes on the controller that holds the VIP: it takes connections and answers nobody."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.holds_vip(), "keystone"))


class TestApiFrozen(Promises):
    pass
