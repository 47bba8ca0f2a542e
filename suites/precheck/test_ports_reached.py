"""Packet filters of others do not stand in the way, and every port that a service will need can be reached."""

import pytest

from deploy import precheck
from deploy.facts import filters

pytestmark = pytest.mark.precheck


def test_no_other_packet_filter_is_in_the_way(reader, node, expect):
    found = filters.read(reader)
    expect.that(
        "packet filters that this cluster did not set",
        found == filters.Filters(),
        seen=", ".join([*found.managers, *found.chains]),
        expected="none that refuses packets; the build brings a filter of its own",
        look="nft list ruleset; disable the unit that loads the rules, or move them to /etc/stackproof/firewall.d",
    )


def test_ports_can_be_reached_by_those_who_will_ask(knocked, node, cluster, standing, expect):
    """At each free port a listener of a few seconds stands in for the service."""
    wanted = precheck.asked(cluster, standing.catalogue, node)
    if not wanted:
        pytest.skip(f"nobody will ask {node.name}")
    found = knocked.closed(node, wanted)
    expect.that(
        "ports that cannot be reached",
        not found,
        seen=found,
        expected="an answer at each of " + ", ".join(map(str, sorted(wanted))),
        look="nft list ruleset on both hosts, and the filters of the network between them",
    )
