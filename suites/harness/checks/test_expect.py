"""Expectations: a finding names host, subject, expected and seen values, and where to look; it holds no secret."""

import pytest
from _pytest.outcomes import Failed

from deploy.facts.etcd import EtcdMember
from deploy.facts.galera import GaleraStatus
from deploy.journal import JOURNAL
from fixtures.checks.expect import Expect


def finding(*arguments, host="controller01", **options):
    with pytest.raises(Failed) as failed:
        Expect(host, pytest.fail)(*arguments, **options)
    return str(failed.value)


def test_an_expected_value_makes_no_finding():
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
def test_values_are_printed_in_plain_words(value, shown):
    assert f"  seen: {shown}" in finding("a thing", value, "something else").splitlines()


@pytest.mark.parametrize("nothing", ["", {}, [], (), frozenset(), None, GaleraStatus(), EtcdMember()])
def test_no_answer_is_not_known(nothing):
    with pytest.raises(Failed) as failed:
        Expect("controller01", pytest.fail).known("the database's status", nothing, "journalctl -u mariadb")
    assert str(failed.value).splitlines() == [
        "controller01: the database's status",
        "  expected: an answer",
        "  seen: not known: no answer",
        "  look at: journalctl -u mariadb (on controller01)",
    ]


@pytest.mark.parametrize("answer", ["x", {"a": 1}, [0], GaleraStatus(state="Initialized"), EtcdMember(cluster=1)])
def test_an_answer_is_handed_on(answer):
    assert Expect("", pytest.fail).known("a thing", answer) is answer


def test_a_secret_is_masked(monkeypatch):
    monkeypatch.setattr(JOURNAL, "redact", lambda text: text.replace("hunter2", "********"))
    text = finding("a line", "password = hunter2", "another")
    assert "hunter2" not in text
    assert "********" in text
