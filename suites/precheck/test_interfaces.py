"""Every network of the inventory works: its interface on each node is as described, and other nodes answer on it."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, neighbours

pytestmark = pytest.mark.precheck


def test_interface_matches_the_inventory(nic, reader, expect):
    wanted = f"{nic.network.interface} up, MTU {nic.network.mtu}" + (f", with {nic.address}" if nic.address else "")
    faults = precheck.faults(nic, interfaces.read(reader))
    expect.that(f"interface of {nic.network.name}", not faults, seen=faults, expected=wanted, look=nic.command)


def test_provider_interface_carries_no_other_traffic(provider_nic, reader, cluster, expect):
    interface, nodes = provider_nic.network.interface, precheck.peers(provider_nic, cluster)
    routes = interfaces.routes(reader, cluster.ssh.port)
    carried = precheck.carried(interface, interfaces.read(reader), routes, nodes)
    expect(f"traffic on {interface}, which Neutron puts into a bridge", carried, [], look="ip route")


def test_other_nodes_answer_on_the_network(peer_nic, reader, cluster, expect):
    nic, others = peer_nic, precheck.peers(peer_nic, cluster)
    found = neighbours.read(reader, *others, port=cluster.ssh.port)
    silent = [f"{name} ({address})" for address, name in others.items() if not found[address].answers]
    expect(f"nodes that do not answer on {nic.network.name}", silent, [], look=f"{nic.command}; cabling and VLANs")


@pytest.mark.needs("ha")
def test_node_reaches_the_network_of_the_vip(node, reader, cluster, expect):
    """Before a build no host has the VIP, so the controllers answer at their own addresses on its network."""
    controllers = precheck.routed(node, cluster)
    found = neighbours.read(reader, *controllers, port=cluster.ssh.port)
    silent = [f"{name} ({address})" for address, name in controllers.items() if not found[address].answers]
    expect("controllers that do not answer on networks.public", silent, [], look=f"ip route get {cluster.vip}")


@pytest.mark.needs("way-out")
def test_default_route_leads_to_the_way_out(reader, led_out, cluster, expect):
    """A build through a host without one would get no packages; the operator sets it, as all addresses."""
    way_out = cluster.node(cluster.options.way_out)
    found = [route.gateway for route in interfaces.defaults(reader)]
    expect(f"next hop of {led_out.name}'s default route", found[:1], [str(way_out.management)], look="ip route")
