"""A cinder-volume is killed amid work of Cinder and Glance; what it broke off can be deleted afterwards."""

import pytest

from fixtures.drills.drill import amid_work
from fixtures.drills.promises import Promises

pytestmark = [pytest.mark.needs("ceph"), pytest.mark.project("cinder")]

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill, workload):
    service = drill.site.catalogue["cinder-volume"]
    return drill(lambda: amid_work(drill.process.kill(drill.who.neither(service), service.name), workload))


class TestCinderKilledAmidWork(Promises):
    pass
