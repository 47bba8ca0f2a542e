"""Power is cut on all controllers and storage nodes at once; they recover by themselves, and no write is lost."""

import pytest

from fixtures.drills.promises import PromisesOfStop

FAULT = "cold-start"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.site.controllers.values(), *drill.who.stores().values()))


class TestEverythingAtOnce(PromisesOfStop):
    pass
