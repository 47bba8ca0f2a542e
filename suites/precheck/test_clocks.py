"""Every host's clock agrees with the runner's, and the inventory's time servers serve time."""

import pytest

from deploy.errors import StackproofError
from deploy.facts import clock
from deploy.precheck import CLOCK

pytestmark = pytest.mark.precheck


def test_clock_agrees_with_the_runners(node, clocks, expect):
    offset = clocks[node.name]
    if isinstance(offset, StackproofError):
        raise offset
    expect.that("clock", offset.at_least <= CLOCK, seen=offset, expected=f"at most {CLOCK:g} s off", look="date")


def test_time_server_serves_time(time_source, readings, cluster, expect):
    answers = {node.name: clock.server(readings.reader(node), time_source) for node in cluster.role("controller")}
    expect.that(
        f"time server {time_source}",
        all(server.serves for server in answers.values()),
        seen={name: str(server) for name, server in answers.items()},
        expected="an answer with stratum 1 to 15 for every controller",
        look="options.ntp in the inventory; UDP port 123 from the controllers",
    )
