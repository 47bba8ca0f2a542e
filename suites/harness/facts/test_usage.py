"""Usage: the numbers of a host, and how fast they grow."""

import pytest

from deploy.facts import usage
from deploy.facts.usage import UNITS, Usage
from fixtures.prechecks import ThisMachine


def test_a_machine_has_processes_connections_memory_and_a_disk():
    found = usage.read(ThisMachine()).amounts
    assert set(found) == set(UNITS)
    assert found["processes"] > 0
    assert found["network devices"] > 0
    assert found["disk MiB"] > 0


@pytest.mark.parametrize(("amounts", "slope"), [([10, 10, 10], 0), ([10, 12, 14], 7200), ([14, 12, 10], -7200)])
def test_slope_is_the_change_in_an_hour(amounts, slope):
    samples = [(float(at), Usage(dict.fromkeys(UNITS, amount))) for at, amount in enumerate(amounts)]
    found = usage.slopes(samples)
    assert found == pytest.approx(dict.fromkeys(UNITS, slope))


def test_two_samples_or_one_moment_have_no_slope():
    one = Usage(dict.fromkeys(UNITS, 1))
    assert usage.slopes([(0, one), (1, one)]) == {}
    assert usage.slopes([(5, one)] * 3) == {}
