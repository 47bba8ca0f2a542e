"""What works behind the APIs is killed on one controller, one service at a time."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"
WORKERS = ["memcached", "etcd", "nova-conductor", "nova-scheduler", "neutron-rpc-server"]


@pytest.fixture(scope="module", params=WORKERS)
def record(request, drill):
    return drill(lambda: drill.process.kill(drill.who.neither(), request.param), request.param)


class TestWorkersKilled(Promises):
    pass
