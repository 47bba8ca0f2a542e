"""Every clock agrees with the runner's, and the time servers of the inventory have the time."""

import pytest

from deploy.errors import StackproofError
from deploy.facts import clock
from deploy.precheck import CLOCK

pytestmark = pytest.mark.precheck


def test_clock_agrees_with_the_runners(node, clocks, expect):
    seen = clocks[node.name]
    if isinstance(seen, StackproofError):
        raise seen
    expect.that("clock", seen.at_least <= CLOCK, seen=seen, expected=f"at most {CLOCK:g} s off", look="date")


def test_time_server_has_the_time(time_source, readings, cluster, expect):
    first = readings.reader(cluster.role("controller")[0])
    seen = clock.server(first, time_source)
    look = f"options.ntp in the inventory; UDP port 123 from {first.name} on"
    expect.that(
        f"time server {time_source}", seen.serves, seen=seen, expected="an answer with stratum 1 to 15", look=look
    )
