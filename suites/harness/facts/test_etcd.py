"""Facts of etcd: a cluster is whole when all members answer and agree on one leader."""

import json
from types import SimpleNamespace

import pytest

from deploy.facts import etcd

LEADER = 7142873954815136288


@pytest.fixture
def status(recording):
    return lambda case: etcd.parse(recording("etcd", case))


def test_a_whole_cluster(status):
    assert status("whole") == etcd.EtcdStatus(members=3, leaders=frozenset({LEADER}), revisions=frozenset({1}))
    assert status("whole").whole(3)


@pytest.mark.parametrize("case", ["two-leaders", "one-missing", "no-leader"])
def test_no_other_cluster_is_whole(status, case):
    assert not status(case).whole(3)


def test_one_member_alone_is_whole():
    assert etcd.EtcdStatus(members=1, leaders=frozenset({LEADER})).whole(1)
    assert not etcd.EtcdStatus(members=1, leaders=frozenset({0})).whole(1)


def test_etcdctl_leaves_out_what_is_zero():
    status = {"header": {"cluster_id": 1, "member_id": 2}}
    text = json.dumps([{"Endpoint": "http://10.0.0.1:2379", "Status": status}])
    assert etcd.parse(text) == etcd.EtcdStatus(1, frozenset({0}), frozenset({0}))
    assert etcd.parse_members(text) == {
        "http://10.0.0.1:2379": etcd.EtcdMember(cluster=1, member=2, leader=0, revision=0)
    }


def test_each_defect_is_reported(status):
    assert len(status("two-leaders").leaders) == 2
    assert status("one-missing").members == 2
    assert status("no-leader").leaders == {0}


UNREADABLE = [
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


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_unreadable_status_has_no_members(text):
    assert etcd.parse(text) == etcd.EtcdStatus()
    assert not etcd.parse(text).whole(0)


def test_members_are_listed_by_endpoint(recording):
    members = etcd.parse_members(recording("etcd", "whole"))
    assert len(members) == len({member.member for member in members.values()}) == 3
    assert {member.leader for member in members.values()} == {LEADER}
    assert len({member.cluster for member in members.values()}) == 1
    assert {member.alarms for member in members.values()} == {()}


def test_a_member_that_does_not_answer_is_not_listed(recording):
    assert len(etcd.parse_members(recording("etcd", "one-missing"))) == 2


@pytest.mark.parametrize("text", UNREADABLE)
def test_an_unreadable_status_lists_no_member(text):
    assert etcd.parse_members(text) == {}


HEALTHY = """[{"endpoint":"http://10.0.0.1:2379","health":true,"took":"2.1ms"}]"""
UNHEALTHY = """[{"endpoint":"http://10.0.0.1:2379","health":false,"took":"5.0s","error":"context deadline exceeded"}]"""


def test_a_member_that_reads_with_quorum_is_healthy():
    assert etcd.parse_health(HEALTHY) == etcd.EtcdHealth(healthy=True)
    assert etcd.parse_health(UNHEALTHY) == etcd.EtcdHealth(message="context deadline exceeded")


@pytest.mark.parametrize("text", [*UNREADABLE, f"[{HEALTHY[1:-1]},{UNHEALTHY[1:-1]}]", '[{"health": "true"}]'])
def test_an_unreadable_health_is_not_healthy(text):
    assert not (etcd.parse_health(text) or etcd.EtcdHealth()).healthy


@pytest.mark.parametrize(
    ("out", "err", "found"),
    [
        (HEALTHY, "", etcd.EtcdHealth(healthy=True)),
        (HEALTHY, "a warning", etcd.EtcdHealth(healthy=True)),
        (UNHEALTHY, "Error: unhealthy cluster", etcd.EtcdHealth(message="context deadline exceeded")),
        ("a page", " etcdctl: not found \n", etcd.EtcdHealth(message="etcdctl: not found")),
        (" a page \n", "", etcd.EtcdHealth(message="a page")),
        ("", "", etcd.EtcdHealth(message="no answer")),
    ],
)
def test_a_member_without_a_readable_health_is_unhealthy_with_what_etcdctl_printed(out, err, found):
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=out, err=err))
    assert etcd.health(host, "http://10.0.0.1:2379") == found
