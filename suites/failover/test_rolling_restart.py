"""All controllers are restarted one after the other, each emptied first and taken back when it is up."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "standby"


@pytest.fixture(scope="module", params=["first", "second", "third"])
def record(request, drill):
    def fault():
        place = ["first", "second", "third"].index(request.param)
        return drill.maintenance.restart(list(drill.site.controllers.values())[place])

    return drill(fault, request.param)


class TestRollingRestart(PromisesOnReturn):
    pass
