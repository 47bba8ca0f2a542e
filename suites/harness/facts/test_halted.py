"""Halted units: processes that a signal, a debugger or the freezer stopped, by unit."""

import pytest

from deploy.facts import halted
from deploy.facts.halted import Halted


def test_units_with_halted_processes_are_listed(recording):
    found = halted.parse(recording("halted", "stopped-and-frozen"))
    assert found.units == {"neutron-metadata-agent", "vxlan-flood"}
    assert found.processes > 20


def test_a_host_without_halted_processes_says_how_many_it_read():
    assert halted.parse("82\n") == Halted(82)


@pytest.mark.parametrize("text", ["", "garbage", "etcd.service\n", "-1"])
def test_without_a_number_nothing_is_known(text):
    assert halted.parse(text) == Halted()
