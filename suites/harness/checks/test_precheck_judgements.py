"""Prechecks: faults of machines, judged from readings."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import get_args

import pytest

from deploy import catalogue, inventory, precheck
from deploy.errors import CommandFailed, HostUnreachable
from deploy.facts.disk import FileSystem
from deploy.facts.interfaces import Interface
from deploy.facts.leftovers import Leftovers
from deploy.facts.neighbours import Neighbour
from deploy.facts.sockets import Listener
from deploy.inventory import Role, Services
from suites.harness.clusters import with_networks_apart

LAB = inventory.load("lab")
SMALL = inventory.load("lab-small")
PRODUCTION = inventory.load("production.example")
PORTS = {str(port): port for port in precheck.ports(LAB, catalogue.load().of(LAB))}
NICS = {str(nic): nic for nic in precheck.nics(LAB)}
VIP = str(LAB.vip)


# -- memory and disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "memory", "disk"),
    [
        ("controller01", 3686, 4608),  # 0.9 * 4096, 0.9 * 5120
        ("compute01", 2304, 9216),  # 0.9 * (2048 + 512), 0.9 * 10240
        ("storage01", 2260, 9216),  # 0.9 * (2048 + 64 + 400), 0.9 * 10240
    ],
)
def test_memory_needs_of_roles_add_up_and_the_largest_disk_need_counts(name, memory, disk):
    assert precheck.memory_needed(LAB, LAB.node(name)) == memory
    assert precheck.disk_needed(LAB.node(name)) == disk
    assert "minimum of a" in precheck.sources(LAB, LAB.node(name))


def test_each_disk_of_a_storage_node_takes_the_memory_of_an_osd():
    store = PRODUCTION.node("storage01")
    assert len(store.disks) == 2
    assert precheck.memory_needed(PRODUCTION, store) == 4406  # 0.9 * (2048 + 2 * (1024 + 400))
    assert "2848 MiB for 2 OSDs" in precheck.sources(PRODUCTION, store)
    without = replace(PRODUCTION, services=Services(()))
    assert precheck.memory_needed(without, store) == 1843


def test_every_role_has_its_figures():
    assert set(precheck.NEEDS) == set(get_args(Role))


def test_one_file_system_needs_the_free_space_of_all_its_folders():
    root = FileSystem("/", size_mib=10_000, free_mib=6143, kind="ext4")
    assert precheck.too_full({"/usr": root, "/var/lib": root}, precheck.FREE) == {"/": "6143 of 6144 MiB free"}
    enough = replace(root, free_mib=6144)
    assert precheck.too_full({"/usr": enough, "/var/lib": enough}, precheck.FREE) == {}
    assert precheck.size({"/usr": root, "/var/lib": root}) == 10_000


def test_each_of_two_file_systems_needs_its_own_free_space():
    systems = {"/usr": FileSystem("/", 20_000, 4096, "ext4"), "/var/lib": FileSystem("/var", 30_000, 100, "xfs")}
    assert precheck.too_full(systems, precheck.FREE) == {"/var": "100 of 2048 MiB free"}
    assert precheck.size(systems) == 50_000


# -- interfaces ----------------------------------------------------------------------------------------


def links(**changes: object) -> dict[str, Interface]:
    eth0 = Interface("eth0", "52:54:00:00:00:22", 1500, True, "", ("172.16.181.34",))
    eth1 = Interface("eth1", "52:54:00:00:01:22", 1500, True, "", ("10.181.0.34",))
    return {"lo": Interface("lo", up=True), "eth0": eth0, "eth1": replace(eth1, **changes)}


PROVIDER = NICS["compute01-provider"]


def test_every_node_has_its_interfaces():
    assert set(NICS) == {f"{node.name}-{network}" for node in LAB.nodes for network in ("management", "provider")}
    names = {str(nic) for nic in precheck.nics(PRODUCTION)}
    assert {"compute01-provider", "compute01-management", "storage01-management"} <= names
    assert not {"controller01-provider", "storage01-provider"} & names


def test_peers_are_the_other_nodes_with_an_address_on_the_network():
    assert precheck.peers(PROVIDER, LAB)["10.181.0.31"] == "controller01"
    assert "compute01" not in precheck.peers(PROVIDER, LAB).values()
    bridged = next(nic for nic in precheck.nics(PRODUCTION) if str(nic) == "compute01-provider")
    assert precheck.peers(bridged, PRODUCTION) == {}


def test_nodes_beside_the_network_of_the_vip_reach_its_controllers():
    apart = with_networks_apart()
    there = {"10.77.3.31": "controller01", "10.77.3.32": "controller02", "10.77.3.33": "controller03"}
    assert precheck.routed(apart.node("compute01"), apart) == there
    assert precheck.routed(apart.node("controller01"), apart) == {}
    assert precheck.routed(LAB.node("compute01"), LAB) == {}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, []),
        ({"up": False}, ["not up, or no carrier"]),
        ({"mtu": 9000}, ["MTU 9000"]),
        ({"addresses": ()}, ["10.181.0.34 is on no interface"]),
        ({"addresses": ("10.181.0.35",), "mtu": 1400}, ["MTU 1400", "10.181.0.34 is on no interface"]),
    ],
)
def test_every_fault_of_an_interface_is_found(changes, faults):
    assert precheck.faults(PROVIDER, links(**changes)) == faults


def test_a_missing_interface_is_reported_with_the_existing_ones():
    found = links()
    del found["eth1"]
    assert precheck.faults(PROVIDER, found) == ["no such interface; there are eth0"]


def test_an_address_on_another_interface_is_reported_with_its_name():
    found = {**links(addresses=()), "eth2": Interface("eth2", addresses=("10.181.0.34",))}
    assert precheck.faults(PROVIDER, found) == ["10.181.0.34 is on eth2"]


def test_an_address_on_neutrons_bridge_is_accepted():
    found = {**links(addresses=(), master="brq1"), "brq1": Interface("brq1", addresses=("10.181.0.34",))}
    assert precheck.faults(PROVIDER, found) == []


@pytest.mark.parametrize(
    ("addresses", "strangers"),
    [
        (("172.16.181.31",), []),
        (("172.16.181.31", VIP), []),
        (("172.16.181.31", "172.16.181.99"), ["172.16.181.99"]),
        (("172.16.181.31", "192.168.7.1"), []),
    ],
)
def test_an_address_that_is_not_in_the_inventory_is_found(addresses, strangers):
    found = {"eth0": Interface("eth0", addresses=addresses)}
    assert precheck.strangers(NICS["controller01-management"], found, LAB.vip) == strangers


@pytest.mark.parametrize(
    ("routes", "carried"),
    [
        ({"default": "eth0", "172.16.181.1": "eth0"}, []),
        ({"default": "eth1"}, ["the default route"]),
        ({"default": "brq1", "10.9.9.9": "eth1"}, ["the default route", "the way to 10.9.9.9"]),
        ({}, []),
    ],
)
def test_routes_over_the_provider_interface_are_found(routes, carried):
    assert precheck.carried("eth1", links(master="brq1"), routes) == carried


def test_the_route_to_another_node_is_no_traffic_on_the_interface():
    routes = {"10.181.0.33": "eth1", "10.181.0.99": "eth1", "default": "eth1"}
    carried = precheck.carried("eth1", links(), routes, ["10.181.0.33"])
    assert carried == ["the way to 10.181.0.99", "the default route"]


# -- the VIP -------------------------------------------------------------------------------------------

MACS = {"aa:01": "controller01", "aa:02": "controller02"}
SILENT = Neighbour("silent", "", "FAILED")


@pytest.mark.parametrize(
    ("holders", "answers", "words"),
    [
        ({}, {"controller01": SILENT, "controller02": SILENT, "runner": SILENT}, []),
        ({"controller01": True}, {"controller01": Neighbour("open"), "controller02": Neighbour("open", "aa:01")}, []),
        ({"controller01": True}, {"runner": Neighbour("open")}, []),  # behind a router: no MAC address
        ({}, {"controller01": Neighbour("silent", "ff:99", "STALE")}, []),
        ({}, {"runner": Neighbour("open")}, ["a machine answers to runner"]),
        ({}, {"controller01": Neighbour("refused", "ff:99", "REACHABLE")}, ["ff:99 answers to controller01"]),
        (
            {"controller01": True},
            {"controller02": Neighbour("open", "ff:99"), "controller03": Neighbour("open", "ff:99")},
            ["ff:99 answers to controller02, controller03"],
        ),
        ({"controller01": False}, {}, ["controller01 has 172.16.181.30, which this cluster's Pacemaker did not set"]),
        ({"controller01": True, "controller02": False}, {}, ["controller02 has", "2 nodes have it"]),
        ({}, {"controller01": Neighbour("open", "aa:02")}, ["controller02 (aa:02), which does not have the address"]),
    ],
    ids=[
        "free", "ours", "ours behind a router", "remembered", "somebody", "a stranger", "a stranger beside ours",
        "set by hand", "twice", "a node that answers without it",
    ],
)  # fmt: skip
def test_wrong_holders_of_the_vip_are_found(holders, answers, words):
    taken = precheck.vip_taken(VIP, holders, answers, MACS)
    assert len(taken) == len(words)
    assert [word for word, line in zip(words, taken, strict=True) if word not in line] == []


# -- ports ---------------------------------------------------------------------------------------------


def held(port: int, *units: str, protocol: str = "tcp", program: str = "p") -> list[Listener]:
    return [Listener(protocol, "any", port, program, frozenset(units))]


def test_every_port_of_the_catalogue_is_checked_on_its_nodes():
    assert {"controller01-keystone-5000", "controller03-galera-4567", "controller02-haproxy-1080"} <= set(PORTS)
    assert {"compute01-libvirt-5900-5999", "compute02-neutron-linuxbridge-agent-8472/udp"} <= set(PORTS)
    assert not any(name.startswith("compute01-keystone") for name in PORTS)
    small = inventory.load("two-node")
    names = {str(port) for port in precheck.ports(small, catalogue.load().of(small))}
    assert "controller-galera-3306" in names
    assert "controller-galera-4567" not in names


@pytest.mark.parametrize(
    ("name", "listeners", "ours", "fine"),
    [
        ("controller01-keystone-5000", [], False, True),
        ("controller01-keystone-5000", held(5001, "apache2"), False, True),
        ("controller01-keystone-5000", held(5000, "apache2"), False, False),
        ("controller01-keystone-5000", held(5000, "keystone"), False, False),  # another deployment's
        ("controller01-keystone-5000", held(5000, "keystone"), True, True),
        ("controller01-keystone-5000", held(5000, "haproxy") + held(5000, "keystone"), True, True),
        ("controller01-keystone-5000", held(5000, "keystone") + held(5000), True, False),
        ("controller01-rabbitmq-5672", held(5672, "haproxy"), True, False),  # has no proxy
        ("controller01-corosync-5405/udp", held(5405, "x"), False, True),  # TCP
        ("controller01-corosync-5405/udp", held(5405, "x", protocol="udp"), False, False),
        ("controller01-rabbitmq-4369", held(4369, "epmd", program="epmd"), False, True),
        ("controller01-chrony-123/udp", held(123, "chrony", protocol="udp"), False, True),
        ("controller01-chrony-123/udp", held(123, "ntpd", protocol="udp"), False, False),
        ("compute01-libvirt-5900-5999", held(5950), False, False),
        ("compute01-libvirt-5900-5999", held(5950), True, True),  # an instance's console
    ],
)
def test_a_port_may_be_free_or_held_by_its_service(name, listeners, ours, fine):
    assert (precheck.held_by_others(PORTS[name], listeners, ours) == []) is fine


def test_the_holder_of_a_port_is_named():
    assert precheck.held_by_others(PORTS["controller01-keystone-5000"], held(5000, "apache2"), False) == [
        "any:5000/tcp of apache2"
    ]


# -- names and leftovers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts_file", "count"),
    [
        ({}, 0),
        ({"controller01": ("172.16.181.31",), "localhost": ("127.0.0.1",)}, 0),
        ({"controller01": ("127.0.1.1",)}, 0),
        ({"controller01": ("10.9.9.9",)}, 1),
        ({"controller01": ("172.16.181.31", "10.9.9.9"), "compute02": ("10.9.9.8",)}, 2),
    ],
)
def test_a_name_with_another_address_is_a_contradiction(hosts_file, count):
    assert len(precheck.contradictions(LAB, hosts_file)) == count


def test_equal_values_are_reported_at_all_nodes_but_the_first():
    values = {"controller01": "a", "controller02": "b", "controller03": "a", "compute01": "a", "compute02": ""}
    same = {node.name: precheck.earlier_nodes_with_same(SMALL, node, values) for node in SMALL.nodes}
    assert same == {
        "controller01": [],
        "controller02": [],
        "controller03": ["controller01"],
        "compute01": ["controller01", "controller03"],
        "compute02": [],
    }


def test_data_is_foreign_on_a_machine_of_no_or_another_cluster():
    data = ("/var/lib/mysql/grastate.dat",)
    assert precheck.foreign_data(Leftovers({"galera": "lab"}, data), "lab") == ()
    assert precheck.foreign_data(Leftovers({}, data), "lab") == data
    assert precheck.foreign_data(Leftovers({"galera": "lab", "corosync": "other"}, data), "lab") == data


# -- machines that do not answer -----------------------------------------------------------------------


def everywhere(read):
    return {node.name: read(node) for node in SMALL.nodes}


def test_a_machine_that_does_not_answer_is_left_out():
    def read(node):
        if node.name == "compute01":
            raise HostUnreachable("compute01: no connection")
        return IPv4Address(node.management)

    assert list(precheck.where_reached(everywhere, read)) == [
        "controller01",
        "controller02",
        "controller03",
        "compute02",
    ]


def test_a_reading_that_fails_is_not_left_out():
    def read(_):
        raise CommandFailed("ip: not found")

    with pytest.raises(CommandFailed):
        precheck.where_reached(everywhere, read)


# -- doors ---------------------------------------------------------------------------------------------

WHOLE = catalogue.load().of(LAB)
ASKED, ASKING = LAB.node("controller02"), LAB.node("controller01")
GALERA = ("172.16.181.32", 3306)


def test_hosts_knock_where_the_catalogue_lets_them_in():
    assert GALERA in precheck.knocks(LAB, WHOLE, ASKING)
    assert GALERA not in precheck.knocks(LAB, WHOLE, LAB.node("compute01"))
    assert not [place for place in precheck.knocks(LAB, WHOLE, ASKED) if place[0] == GALERA[0]]
    wanted = precheck.asked(LAB, WHOLE, ASKED)
    assert wanted[3306] == "galera"
    assert {port for address, port in precheck.knocks(LAB, WHOLE, ASKING) if address == GALERA[0]} <= wanted.keys()


@pytest.mark.parametrize(
    ("said", "stood_in", "reason"),
    [
        ({GALERA: "open"}, {3306}, ""),
        ({}, {3306}, "drops"),
        ({}, set(), "drops"),
        ({GALERA: "refused"}, {3306}, "rejects"),
        ({GALERA: "refused"}, set(), ""),
    ],
)
def test_a_port_is_closed_where_nobody_answers_or_a_listener_is_refused(said, stood_in, reason):
    knocks = precheck.Knocks({ASKED.name: stood_in}, {ASKING.name: {GALERA}}, {ASKING.name: said})
    found = knocks.closed(ASKED, {3306: "galera"})
    assert list(found) == ["3306 (galera) from controller01"] * bool(reason)
    assert reason in "".join(found.values())
    assert knocks.closed(ASKING, {3306: "galera"}) == {}


def test_a_port_that_this_tool_holds_for_a_moment_is_free():
    wanted = PORTS["controller02-memcached-11211"]
    own = Listener("tcp", "172.16.181.32", 11211, "sp-knock")
    assert precheck.held_by_others(wanted, [own], ours=False) == []
    assert precheck.held_by_others(wanted, [replace(own, program="nc")], ours=False)
