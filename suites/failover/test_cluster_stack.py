"""Corosync or Pacemaker die or freeze at the VIP: the others must find out, and fence the host where they have to."""

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
