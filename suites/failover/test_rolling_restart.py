"""All controllers are restarted one after the other, each emptied first and taken back when it is up."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "standby"


@pytest.fixture(scope="module", params=[1, 2, 3], ids="controller{}".format)
def record(request, drill):
    def fault():
        hosts = list(drill.site.controllers.values())
        if request.param > len(hosts):
            pytest.skip(f"there are {len(hosts)} controllers")
        return drill.maintenance.restart(hosts[request.param - 1])

    return drill(fault, f"controller{request.param}")


class TestRollingRestart(PromisesOnReturn):
    pass
