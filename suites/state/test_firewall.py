"""Firewall: each host drops what the catalogue does not name, or not from whom it asks."""

import pytest

from deploy.catalogue import doors
from deploy.facts import firewall


def test_live_rules_are_those_of_the_file(reader, node, expect):
    """The rules of the kernel, against the file of the build with the operator's own rules."""
    found = firewall.read(reader)
    wanted = expect.known("rules of the file", found.wanted, firewall.FILE)
    expect.that(
        f"rules of the table {firewall.TABLE}",
        found.live == wanted,
        seen=found.differences if found.live else "no such table: every port is open to everybody",
        expected=f"the rules that {firewall.FILE} loads",
        look=f"nft list table {firewall.TABLE}; systemctl restart stackproof-firewall loads the file again",
    )


def test_no_other_host_lets_it_in_where_it_may_not_ask(reader, node, cluster, standing, expect):
    """TCP ports only: a UDP port says nothing to a stranger."""
    closed = list(forbidden(cluster, standing.catalogue, node))
    if not closed:
        pytest.skip(f"no TCP port of another host is closed to {node.name}")
    expect.that(
        f"ports at which {node.name} may not ask",
        not (found := firewall.answered(reader, closed)),
        seen={f"{address}:{port}": said for (address, port), said in found.items()},
        expected=f"no answer from any of the {len(closed)}",
        look=f"nft list table {firewall.TABLE} on the host with that address",
    )


def forbidden(cluster, catalogue, asking):
    """The first port of each door that other hosts keep closed to the asking one: address and port.

    The asking host may itself have the VIP, and no host filters what it sends to itself.
    """
    own = {door.at for door in doors(cluster, catalogue, asking)}
    for other in cluster.nodes:
        for door in doors(cluster, catalogue, other):
            if door.at not in own and door.protocol == "tcp" and not door.lets_in(asking):
                yield str(door.at), door.port
