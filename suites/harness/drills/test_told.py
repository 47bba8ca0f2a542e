"""Told: who is away and who is back, from the samples of some moments each."""

from fixtures.drills.run.told import changes
from fixtures.probes.sample import Sample


def good(at):
    return Sample(at, 0.1, True)


def bad(at):
    return Sample(at, 1.0, False)


def test_probes_are_told_when_they_fail_and_when_they_are_back():
    away = {}
    assert changes({"keystone": [good(1)], "glance": [good(1)]}, away) == []
    assert changes({"keystone": [bad(2), bad(3)], "glance": [bad(2.5)]}, away) == ["away: keystone, glance"]
    assert changes({"keystone": [bad(4)], "glance": []}, away) == []
    assert changes({"keystone": [good(5)], "glance": [bad(5)]}, away) == ["back: keystone (3.1 s)"]
    assert list(away) == ["glance"]


def test_a_short_failure_between_two_looks_is_told_as_well():
    assert changes({"keystone": [bad(2), good(3)]}, {}) == ["away: keystone", "back: keystone (1.1 s)"]
