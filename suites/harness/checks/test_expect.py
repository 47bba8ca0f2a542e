"""Expectations: a finding says what, on which host, what was expected and seen, and where to look; never a secret."""

import pytest
from _pytest.outcomes import Failed

from deploy.journal import JOURNAL
from fixtures.checks.expect import Expect


def finding(*arguments, host="controller01", **options):
    with pytest.raises(Failed) as told:
        Expect(host, pytest.fail)(*arguments, **options)
    return str(told.value)


def test_what_is_as_expected_says_nothing():
    Expect("controller01", pytest.fail)("a unit", "active", "active")


def test_a_finding_has_its_parts_in_order():
    assert finding("unit memcached", "failed", "active", "journalctl -u memcached").splitlines() == [
        "controller01: unit memcached",
        "  expected: active",
        "  seen: failed",
        "  look at: journalctl -u memcached (on controller01)",
    ]


def test_a_finding_about_the_whole_cluster_names_no_host():
    assert finding("the VIP", 2, 1, host="").splitlines() == ["the VIP", "  expected: 1", "  seen: 2"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"b", "a"}, "a, b"),
        ([], "none"),
        ("", "nothing"),
        (None, "nothing"),
        (0, "0"),
        (False, "False"),
        ({"controller01": ["x", "y"]}, "controller01: x, y"),
        (list(range(10)), "0, 1, 2, 3, 4, 5, 6, 7, and 2 more"),
    ],
)
def test_values_are_shown_as_a_person_writes_them(value, shown):
    assert f"  seen: {shown}" in finding("a thing", value, "something else").splitlines()


def test_a_secret_is_masked(monkeypatch):
    monkeypatch.setattr(JOURNAL, "redact", lambda text: text.replace("hunter2", "********"))
    told = finding("a line", "password = hunter2", "another")
    assert "hunter2" not in told
    assert "********" in told
