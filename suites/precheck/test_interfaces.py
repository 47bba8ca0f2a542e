"""Every network of the inventory is there: its interface on each node, and the other nodes behind it."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, neighbours

pytestmark = pytest.mark.precheck


def test_interface_is_there(nic, reader, expect):
    wanted = f"{nic.network.interface} up, MTU {nic.network.mtu}" + (f", with {nic.address}" if nic.address else "")
    faults = precheck.faults(nic, interfaces.read(reader))
    expect.that(f"interface of {nic.network.name}", not faults, seen=faults, expected=wanted, look=nic.look)


def test_provider_interface_carries_nothing_else(provider_nic, reader, cluster, expect):
    interface, nodes = provider_nic.network.interface, precheck.peers(provider_nic, cluster)
    routes = interfaces.carrying(reader, cluster.ssh.port)
    carried = precheck.carried(interface, interfaces.read(reader), routes, nodes)
    expect(f"what leaves by {interface}, which Neutron puts into a bridge", carried, [], look="ip route")


def test_the_other_nodes_are_reached(peer_nic, reader, cluster, expect):
    nic, others = peer_nic, precheck.peers(peer_nic, cluster)
    seen = neighbours.read(reader, *others, port=cluster.ssh.port)
    silent = [f"{name} ({address})" for address, name in others.items() if not seen[address].answers]
    expect(f"nodes that do not answer on {nic.network.name}", silent, [], look=f"{nic.look}; cabling and VLANs")
