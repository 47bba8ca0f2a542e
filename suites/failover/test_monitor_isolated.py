"""The monitor that leads is cut off from the others and from clients; the OSDs of its host are not."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.needs("ceph")

FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.monitor(drill.who.leads_ceph()))


class TestMonitorIsolated(PromisesOnReturn):
    pass
