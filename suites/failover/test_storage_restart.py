"""The storage node whose monitor leads is rebooted, as for maintenance."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.needs("ceph")

FAULT = "standby"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.maintenance.reboot(drill.who.leads_ceph()))


class TestStorageRestart(PromisesOnReturn):
    pass
