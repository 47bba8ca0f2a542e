"""Told: who is away and who is back, from the samples of some moments each."""

from fixtures.drills.run.told import changes
from fixtures.probes.sample import Sample


def good(at):
    return Sample(at, 0.1, True)


def bad(at):
    return Sample(at, 1.0, False)


def test_probes_are_told_when_they_fail_and_when_they_are_back():
    states = {}
    assert changes({"keystone": [good(1)], "glance": [good(1)]}, states) == []
    assert changes({"keystone": [bad(2), bad(3)], "glance": [bad(2.5)]}, states) == ["away: keystone, glance"]
    assert changes({"keystone": [bad(4)], "glance": []}, states) == []
    assert changes({"keystone": [good(5)], "glance": [bad(5)]}, states) == ["back: keystone (3.1 s)"]
    assert [probe for probe, state in states.items() if state.away] == ["glance"]


def test_a_short_failure_between_two_looks_is_told_as_well():
    assert changes({"keystone": [bad(2), good(3)]}, {}) == ["away: keystone", "back: keystone (1.1 s)"]


def test_an_attempt_that_times_out_after_a_later_success_is_no_outage():
    states = {}
    assert changes({"host": [bad(1)]}, states) == ["away: host"]
    assert changes({"host": [good(2.1), bad(1.2), bad(1.9), good(2.3)]}, states) == ["back: host (1.2 s)"]
