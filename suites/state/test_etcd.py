"""etcd: one cluster of all members, all healthy, with one leader and the same data, for clients with a certificate."""

import pytest

from deploy.facts import etcd
from deploy.facts.etcd import EtcdMember
from deploy.facts.members import most
from fixtures.checks.questions import SOON

pytestmark = pytest.mark.project("etcd")

LOOK = "etcdctl endpoint status --cluster, journalctl -u etcd"
BEHIND = 100
"""Revisions a member may be behind the newest; the members are read one after the other, while clients write."""


def url(etcd_host, standing):
    return str(standing.addresses.at(etcd_host, "etcd"))


def members(readings, standing):
    """The status of each member that answers, by the name of its host."""
    hosts = readings.members("etcd")
    by_url = etcd.members(readings.first("etcd"), ",".join(url(node, standing) for node in hosts))
    return {node.name: by_url[url(node, standing)] for node in hosts if url(node, standing) in by_url}


def test_member_is_healthy(reader, etcd_host, standing, expect):
    health = etcd.health(reader, url(etcd_host, standing))
    expect.that(
        "a linearizable read, which a majority confirms",
        health.healthy,
        seen=health.message,
        expected="an answer within 15 s",
        look=LOOK,
    )


def test_member_follows_the_common_leader(readings, standing, etcd_host, expect):
    by_host = members(readings, standing)
    leader = most((member.leader for member in by_host.values()), 0)
    own = by_host.get(etcd_host.name, EtcdMember()).leader
    expect.that(
        "the leader of the member",
        own == leader != 0,
        seen=f"{own:x}" if own else "none",
        expected=f"{leader:x}, as most members report" if leader else "one",
        look=LOOK,
    )


def test_member_is_in_the_common_cluster(readings, standing, etcd_host, expect):
    by_host = members(readings, standing)
    expect(
        "the cluster ID of the member",
        by_host.get(etcd_host.name, EtcdMember()).cluster,
        most((member.cluster for member in by_host.values()), 0) or "an answer",
        LOOK,
    )


def test_member_is_close_to_the_newest_revision(readings, standing, etcd_host, expect):
    by_host = members(readings, standing)
    newest = max((member.revision for member in by_host.values()), default=0)
    own = by_host.get(etcd_host.name, EtcdMember()).revision
    expect.that(
        "the revision of the member",
        own > 0 and newest <= own + BEHIND,
        seen=own,
        expected=f"{newest}, or at most {BEHIND} less",
        look=LOOK,
    )


def test_member_has_no_alarm(readings, standing, etcd_host, expect):
    own = members(readings, standing).get(etcd_host.name, EtcdMember())
    alarms = expect.known("the member's status", own, LOOK).alarms
    expect("alarms of the member", alarms, (), "etcdctl alarm list")


@pytest.mark.own
def test_member_refuses_a_client_without_a_certificate(reader, etcd_host, standing, expect):
    address = standing.addresses.at(etcd_host, "etcd")
    said = etcd.refusal(reader, address.host, address.port)
    expect.that(
        "a request without a certificate",
        etcd.REFUSED in said,
        seen=said or "it was served",
        expected="an alert of TLS",
        look="ETCD_CLIENT_CERT_AUTH in /etc/default/etcd",
    )


@pytest.mark.own
def test_members_reach_each_other_over_tls_only(readings, reader, etcd_host, standing, expect):
    registered = expect.known("members that etcd lists", etcd.registered(reader, url(etcd_host, standing)), LOOK)
    wanted = {str(standing.addresses.at(node, "etcd", "peers")) for node in readings.members("etcd")}
    others = sorted({address for member in registered for address in member.urls} - wanted)
    expect(f"addresses of members besides {', '.join(sorted(wanted))}", others, [], "etcdctl member update")


@pytest.mark.own
def test_certificate_of_the_member_lasts(readings, etcd_host, standing, expect):
    address = standing.addresses.at(etcd_host, "etcd")
    found = readings.handshake(address.host, address.port, standing.secrets.authority("etcd"))
    expect.that(
        f"the certificate at {address.authority}",
        found.lasts,
        seen=found.why or f"valid until {found.until}",
        expected=f"one of the build's authority, with {SOON:.0%} of its life left",
        look="/etc/stackproof/etcd/member.pem; a build renews it",
    )
