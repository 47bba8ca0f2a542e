"""Corosync is killed on the controller that holds the VIP: the others take it for dead, and fence it."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "node-loss"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.kill(drill.who.holds_vip(), "corosync", kind="node-loss"))


class TestCorosyncKilled(Promises):
    pass
