"""Nodes without a way of their own reach other networks through a controller, which gives their packets its address."""

import pytest

from deploy.wait import until

REACHED = 20.0
"""Seconds until an address outside answers."""
pytestmark = [pytest.mark.flow, pytest.mark.needs("way-out")]


@pytest.fixture(scope="module")
def outside(cluster):
    """An address outside: the gateway of the provider network."""
    return cluster.provider.gateway or pytest.skip(
        "no address outside is known: networks.provider of the inventory has no gateway"
    )


@pytest.fixture(scope="module")
def inner(site):
    """The nodes whose only way to the provider network is the controller."""
    way_out = site.cluster.options.way_out
    found = [node.name for node in site.cluster.nodes if node.name != way_out and "provider" not in node.addresses]
    return [site.hosts[name] for name in found] or pytest.skip(
        "every node has an address on the provider network, so that none of them needs the way out to reach it"
    )


def test_nodes_reach_the_outside_by_the_controller(site, inner, outside):
    way_out = site.cluster.node(site.cluster.options.way_out)
    for host in inner:
        assert f"via {way_out.management} " in host.check("ip -4 route get %s", outside)
        until(
            lambda host=host: host.run("ping -c 1 -W 2 %s", outside).ok,
            timeout=REACHED,
            interval=0.5,
            what=f"{host.name}: {outside}",
            expected="an answer to a ping",
            hint=f"nft list table inet stackproof, and sysctl net.ipv4.ip_forward, on {way_out.name}",
        )


def test_the_outside_sees_the_controllers_address(site, inner, outside):
    """Of each ping that came back: whom its answer was sent to."""
    way_out = site.hosts[site.cluster.options.way_out]
    own = str(site.cluster.node(way_out.name).at("provider"))
    for host in inner:
        host.check("ping -c 1 -W 2 %s", outside)
        listed = way_out.check("conntrack -L -p icmp -s %s -d %s 2>/dev/null", host.node.management, outside)
        assert f"src={outside} dst={own} " in listed, listed


def test_the_outside_does_not_get_in(site, inner):
    """The controller forwards nothing from the provider network, such as what a tenant's instance sends to it."""
    way_out = site.hosts[site.cluster.options.way_out]
    rules = way_out.check("nft list chain inet stackproof forward")
    assert "policy drop" in rules
    inside = site.cluster.management.interface
    opened = [line.strip() for line in rules.splitlines() if "accept" in line and f'oifname "{inside}"' in line]
    assert opened == [f'oifname "{inside}" ct state established,related accept']
