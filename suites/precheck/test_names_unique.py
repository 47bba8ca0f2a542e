"""Every machine has a name, a machine-id, MAC addresses and IP addresses that no other machine has."""

import pytest

from deploy import precheck
from deploy.facts import hosts_file, interfaces, machine, neighbours
from deploy.precheck import where_reached

pytestmark = pytest.mark.precheck


def test_hostname_is_set(node, reader, expect):
    hostname = machine.read(reader).hostname
    expect.that("hostname", bool(hostname), seen=hostname, expected="any", look="/etc/hostname")
    if hostname != node.name:
        expect.note(f"its hostname is {hostname}; the build changes it to {node.name}")


def test_machine_id_is_unique(node, everywhere, cluster, expect):
    ids = where_reached(everywhere, lambda reader: machine.read(reader).machine_id)
    expect.that("machine-id", bool(ids[node.name]), seen="", expected="one", look="/etc/machine-id")
    same = precheck.earlier_nodes_with_same(cluster, node, ids)
    expect(f"nodes with the same machine-id {ids[node.name]}", same, [], look="/etc/machine-id; machine-id(5)")


def test_mac_address_is_unique(nic, everywhere, cluster, expect):
    by_node = where_reached(everywhere, interfaces.read)
    name = nic.network.interface
    macs = {node: links[name].mac for node, links in by_node.items() if name in links and links[name].mac.strip("0:")}
    same = precheck.earlier_nodes_with_same(cluster, nic.node, macs)
    expect(f"nodes with the same MAC address {macs.get(nic.node.name)} on {name}", same, [], look=nic.command)


def test_no_other_node_has_its_addresses(node, everywhere, expect):
    own = set(map(str, node.addresses.values()))
    others = [
        f"{name} has {address} on {entry.name}"
        for name, links in where_reached(everywhere, interfaces.read).items()
        if name != node.name
        for entry in links.values()
        for address in own & set(entry.addresses)
    ]
    expect("other nodes with addresses of this node", others, [], look="ip addr")


def test_no_other_machine_answers_at_its_address(node, everywhere, cluster, expect):
    address = str(node.management)
    own = {entry.mac for entry in where_reached(everywhere, interfaces.read)[node.name].values()}
    heard = where_reached(everywhere, lambda reader: _mac_at(reader, address, cluster))
    strangers = [f"{name} has a neighbour entry with {mac}" for name, mac in heard.items() if mac and mac not in own]
    expect(
        f"machines that answer at {address} with another MAC address",
        strangers,
        [],
        look=f"ip neigh show to {address}",
    )


def _mac_at(reader, address, cluster):
    """The MAC address that a host has for `address`; empty without an answer, and on the host with the address.

    The reading is the same as test_interfaces takes, so that it costs nothing more.
    """
    others = [str(node.management) for node in cluster.nodes if node.name != reader.name]
    return neighbours.read(reader, *others, port=cluster.ssh.port)[address].mac if address in others else ""


def test_hosts_file_agrees_with_the_inventory(node, reader, cluster, expect):
    wrong = precheck.contradictions(cluster, hosts_file.read(reader))
    expect("node names with other addresses in /etc/hosts", wrong, [], look="/etc/hosts, which the build replaces")
