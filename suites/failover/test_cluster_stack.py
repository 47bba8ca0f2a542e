"""Corosync or Pacemaker is killed or frozen on the VIP's host; the others detect it, and fence it if necessary."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

FAULT = "node-loss"


@pytest.fixture(scope="module", params=["corosync-killed", "pacemaker-killed", "corosync-frozen", "pacemaker-frozen"])
def record(request, drill):
    unit, _, how = request.param.partition("-")
    inflict = drill.process.kill if how == "killed" else drill.process.freeze
    return drill(lambda: inflict(drill.who.holds_vip(), unit, kind=FAULT), request.param)


class TestClusterStack(PromisesOnReturn):
    pass
