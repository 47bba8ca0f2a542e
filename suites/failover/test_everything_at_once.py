"""Power is cut on all controllers at once; they recover without a command, and no acknowledged write is lost."""

import pytest

from fixtures.drills.promises import PromisesOfStop

FAULT = "cold-start"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.site.controllers.values()))


class TestEverythingAtOnce(PromisesOfStop):
    pass
