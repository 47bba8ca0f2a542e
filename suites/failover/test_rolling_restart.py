"""All controllers are restarted one after the other, each in standby during its reboot."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "standby"


@pytest.fixture(scope="module")
def record(drill, turn):
    return drill(lambda: drill.maintenance.restart(drill.site.hosts[turn]), turn)


class TestRollingRestart(PromisesOnReturn):
    pass
