"""etcd: one cluster of all controllers, healthy, that agrees on one leader and on what it holds."""

import pytest

from deploy.facts import etcd
from deploy.facts.etcd import EtcdMember
from deploy.facts.members import most

pytestmark = pytest.mark.project("etcd")

LOOK = "etcdctl endpoint status --cluster, journalctl -u etcd"
BEHIND = 100
"""Revisions a member may be behind the newest: they are read one after the other."""


def url(controller, standing):
    return str(standing.addresses.at(controller, "etcd"))


def members(readings, cluster, standing):
    """What each member says, by controller; nothing of those that do not answer."""
    controllers = cluster.role("controller")
    told = etcd.members(readings.reader(controllers[0]), ",".join(url(node, standing) for node in controllers))
    return {node.name: told[url(node, standing)] for node in controllers if url(node, standing) in told}


NOBODY = EtcdMember(cluster=0, member=0, leader=0, revision=0)


def test_it_is_healthy(reader, controller, standing, expect):
    seen = etcd.health(reader, url(controller, standing))
    expect.that(
        "a read of what the majority agrees on",
        seen.healthy,
        seen=seen.told,
        expected="an answer within 5 s",
        look=LOOK,
    )


def test_it_follows_the_one_leader(readings, cluster, standing, controller, expect):
    told = members(readings, cluster, standing)
    leader = most((member.leader for member in told.values()), 0)
    own = told.get(controller.name, NOBODY).leader
    expect.that(
        "its leader",
        own == leader != 0,
        seen=f"{own:x}" if own else "none",
        expected=f"{leader:x}, as the others say" if leader else "one",
        look=LOOK,
    )


def test_it_is_of_the_same_cluster(readings, cluster, standing, controller, expect):
    told = members(readings, cluster, standing)
    expect(
        "its cluster's id",
        told.get(controller.name, NOBODY).cluster,
        most((member.cluster for member in told.values()), 0) or "an answer",
        LOOK,
    )


def test_it_holds_what_the_others_hold(readings, cluster, standing, controller, expect):
    told = members(readings, cluster, standing)
    newest = max((member.revision for member in told.values()), default=0)
    own = told.get(controller.name, NOBODY).revision
    expect.that(
        "its revision",
        own > 0 and newest <= own + BEHIND,
        seen=own,
        expected=f"{newest}, or at most {BEHIND} less",
        look=LOOK,
    )


def test_it_has_no_alarm(readings, cluster, standing, controller, expect):
    seen = members(readings, cluster, standing).get(controller.name, NOBODY).alarms
    expect("its alarms", seen, (), "etcdctl alarm list")
