"""The lab's names of kernel objects: short enough, unique, and the same on every run."""

import dataclasses
from ipaddress import IPv4Address

import pytest

from deploy.inventory import Node, load
from deploy.lab import names

LONG = [f"a-rather-long-name-of-a-node-{number:02}" for number in range(20)]


@pytest.fixture
def cluster():
    lab = load("lab")
    added = tuple(Node(name, ("compute",), {"management": IPv4Address("172.16.181.99")}) for name in LONG)
    return dataclasses.replace(lab, nodes=(*lab.nodes, *added))


def test_cables_fit_the_kernel_and_are_unique(cluster):
    cables = [names.cable(cluster, node.name, net) for node in cluster.nodes for net in cluster.networks.values()]
    assert len(set(cables)) == len(cables)
    assert max(map(len, cables)) <= 15


@pytest.mark.parametrize("network", ["management", "provider", "storage-replication-network"])
def test_runner_links_and_bridges_fit_the_kernel(network):
    assert len(names.runner_link(network)) <= 15
    assert len(names.bridge(network)) <= 15


def test_management_and_provider_have_fixed_short_names():
    assert (names.runner_link("management"), names.runner_link("provider")) == ("sp-mgmt", "sp-prov")


def test_addresses_are_local_unicast_unique_and_stable(cluster):
    cards = [(node.name, net) for node in cluster.nodes for net in cluster.networks.values()]
    addresses = [names.mac(cluster, node, net) for node, net in cards]
    assert len(set(addresses)) == len(cards)
    assert all(int(address[:2], 16) & 3 == 2 for address in addresses)
    assert addresses == [names.mac(cluster, node, net) for node, net in cards]


def test_a_name_that_fits_is_not_shortened():
    assert names.short("controller01", 12) == "controller01"
    assert len(names.short("controller-of-something", 12)) == 12
