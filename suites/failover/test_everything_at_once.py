"""Power is cut on all controllers at once; they come back and are whole without a command, and nothing is lost."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "cold-start"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.site.controllers.values()))


class TestEverythingAtOnce(Promises):
    pass
