"""etcd: one cluster of all members, healthy, that agrees on one leader and on what it holds."""

import pytest

from deploy.facts import etcd
from deploy.facts.etcd import EtcdMember
from deploy.facts.members import most

pytestmark = pytest.mark.project("etcd")

LOOK = "etcdctl endpoint status --cluster, journalctl -u etcd"
BEHIND = 100
"""Revisions a member may be behind the newest: they are read one after the other."""


def url(etcd_host, standing):
    return str(standing.addresses.at(etcd_host, "etcd"))


def members(readings, standing):
    """What each member says, by the name of its host; nothing of those that do not answer."""
    hosts = readings.members("etcd")
    told = etcd.members(readings.first("etcd"), ",".join(url(node, standing) for node in hosts))
    return {node.name: told[url(node, standing)] for node in hosts if url(node, standing) in told}


NOBODY = EtcdMember(cluster=0, member=0, leader=0, revision=0)


def test_it_is_healthy(reader, etcd_host, standing, expect):
    seen = etcd.health(reader, url(etcd_host, standing))
    expect.that(
        "a read of what the majority agrees on",
        seen.healthy,
        seen=seen.told,
        expected="an answer within 5 s",
        look=LOOK,
    )


def test_it_follows_the_one_leader(readings, standing, etcd_host, expect):
    told = members(readings, standing)
    leader = most((member.leader for member in told.values()), 0)
    own = told.get(etcd_host.name, NOBODY).leader
    expect.that(
        "its leader",
        own == leader != 0,
        seen=f"{own:x}" if own else "none",
        expected=f"{leader:x}, as the others say" if leader else "one",
        look=LOOK,
    )


def test_it_is_of_the_same_cluster(readings, standing, etcd_host, expect):
    told = members(readings, standing)
    expect(
        "its cluster's id",
        told.get(etcd_host.name, NOBODY).cluster,
        most((member.cluster for member in told.values()), 0) or "an answer",
        LOOK,
    )


def test_it_holds_what_the_others_hold(readings, standing, etcd_host, expect):
    told = members(readings, standing)
    newest = max((member.revision for member in told.values()), default=0)
    own = told.get(etcd_host.name, NOBODY).revision
    expect.that(
        "its revision",
        own > 0 and newest <= own + BEHIND,
        seen=own,
        expected=f"{newest}, or at most {BEHIND} less",
        look=LOOK,
    )


def test_it_has_no_alarm(readings, standing, etcd_host, expect):
    seen = members(readings, standing).get(etcd_host.name, NOBODY).alarms
    expect("its alarms", seen, (), "etcdctl alarm list")
