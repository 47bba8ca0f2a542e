"""Every machine is one machine: its name, its identity and its addresses are its own."""

import pytest

from deploy import precheck
from deploy.facts import hosts_file, interfaces, machine, neighbours
from deploy.precheck import where_reached

pytestmark = pytest.mark.precheck


def test_host_name_is_set_or_can_be(node, reader, expect):
    seen = machine.read(reader).hostname
    expect.that("host name", bool(seen), seen=seen, expected="any", look="/etc/hostname")
    if seen != node.name:
        expect.note(f"calls itself {seen}; the build names it {node.name}")


def test_machine_id_is_its_own(node, everywhere, cluster, expect):
    seen = where_reached(everywhere, lambda reader: machine.read(reader).machine_id)
    expect.that("machine-id", bool(seen[node.name]), seen="", expected="one", look="/etc/machine-id")
    same = precheck.same_before(cluster, node, seen)
    expect(f"nodes with the same machine-id {seen[node.name]}", same, [], look="/etc/machine-id; machine-id(5)")


def test_hardware_address_is_its_own(nic, everywhere, cluster, expect):
    seen = where_reached(everywhere, interfaces.read)
    name = nic.network.interface
    macs = {node: found[name].mac for node, found in seen.items() if name in found and found[name].mac.strip("0:")}
    same = precheck.same_before(cluster, nic.node, macs)
    expect(f"nodes with the same MAC address {macs.get(nic.node.name)} on {name}", same, [], look=nic.look)


def test_no_other_node_has_its_addresses(node, everywhere, expect):
    mine = set(map(str, node.addresses.values()))
    others = [
        f"{name} has {address} on {entry.name}"
        for name, seen in where_reached(everywhere, interfaces.read).items()
        if name != node.name
        for entry in seen.values()
        for address in mine & set(entry.addresses)
    ]
    expect("other nodes with its addresses", others, [], look="ip addr")


def test_no_stranger_answers_at_its_address(node, everywhere, cluster, expect):
    address = str(node.management)
    own = {entry.mac for entry in where_reached(everywhere, interfaces.read)[node.name].values()}
    heard = where_reached(everywhere, lambda reader: _mac_at(reader, address, cluster))
    strangers = [f"{name} hears {mac}" for name, mac in heard.items() if mac and mac not in own]
    expect(f"who answers at {address} with another MAC address", strangers, [], look=f"ip neigh show to {address}")


def _mac_at(reader, address, cluster):
    """The same reading as of the nodes behind an interface, so it is made once."""
    others = [str(node.management) for node in cluster.nodes if node.name != reader.name]
    return neighbours.read(reader, *others, port=cluster.ssh.port)[address].mac if address in others else ""


def test_hosts_file_does_not_contradict(node, reader, cluster, expect):
    seen = precheck.contradictions(cluster, hosts_file.read(reader))
    expect("names of nodes with other addresses", seen, [], look="/etc/hosts, which the build replaces")
