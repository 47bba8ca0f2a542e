"""etcd's facts: whole means that all members answer and agree on one leader."""

import pytest

from deploy.facts import etcd

LEADER = 7142873954815136288


@pytest.fixture
def seen(recording):
    return lambda case: etcd.parse(recording("etcd", case))


def test_a_whole_cluster(seen):
    assert seen("whole") == etcd.EtcdStatus(members=3, leaders=frozenset({LEADER}), revisions=frozenset({1}))
    assert seen("whole").whole(3)


@pytest.mark.parametrize("case", ["two-leaders", "one-missing", "no-leader"])
def test_no_other_cluster_is_whole(seen, case):
    assert not seen(case).whole(3)


def test_each_trouble_is_told(seen):
    assert len(seen("two-leaders").leaders) == 2
    assert seen("one-missing").members == 2
    assert seen("no-leader").leaders == {0}


NONE = [
    "",
    "garbage",
    "[]",
    "{}",
    "5",
    "null",
    '[{"Status": 5}]',
    '[{"Status": {}}]',
    '[{"Status": {"header": 5}}]',
    '[{"Status": {"leader": "x", "header": {}}}]',
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_status_is_that_of_nobody(text):
    assert etcd.parse(text) == etcd.EtcdStatus()
    assert not etcd.parse(text).whole(0)


def test_each_member_is_told_by_its_endpoint(recording):
    seen = etcd.parse_members(recording("etcd", "whole"))
    assert len(seen) == len({member.member for member in seen.values()}) == 3
    assert {member.leader for member in seen.values()} == {LEADER}
    assert len({member.cluster for member in seen.values()}) == 1
    assert {member.alarms for member in seen.values()} == {()}


def test_who_does_not_answer_is_not_told(recording):
    assert len(etcd.parse_members(recording("etcd", "one-missing"))) == 2


@pytest.mark.parametrize("text", NONE)
def test_of_nothing_no_member_is_told(text):
    assert etcd.parse_members(text) == {}


HEALTHY = """[{"endpoint":"http://10.0.0.1:2379","health":true,"took":"2.1ms"}]"""
NOT = """[{"endpoint":"http://10.0.0.1:2379","health":false,"took":"5.0s","error":"context deadline exceeded"}]"""


def test_a_member_that_reads_through_the_cluster_is_healthy():
    assert etcd.parse_health(HEALTHY) == etcd.EtcdHealth(healthy=True)
    assert etcd.parse_health(NOT) == etcd.EtcdHealth(told="context deadline exceeded")


@pytest.mark.parametrize("text", [*NONE, f"[{HEALTHY[1:-1]},{NOT[1:-1]}]", '[{"health": "true"}]'])
def test_whatever_else_it_says_is_not_health(text):
    assert not (etcd.parse_health(text) or etcd.EtcdHealth()).healthy
