"""Doors: each port lets in whom the catalogue names, and nobody else."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from deploy import catalogue
from deploy.catalogue import doors

MANAGEMENT = "172.16.181."
CONTROLLERS, COMPUTES, RUNNER, VIP = ("31", "32", "33"), ("34", "35"), "1", "30"


def found(site, node):
    """The doors of a node by service, address and port: the last parts of the addresses that it lets in, or None."""
    (node,) = (each for each in site.cluster.nodes if each.name == node)
    return {
        (door.service, str(door.at).removeprefix(MANAGEMENT), door.ports): door.sources
        and tuple(source.removeprefix(MANAGEMENT).removesuffix("/32") for source in door.sources)
        for door in doors(site.cluster, site.catalogue, node)
    }


@pytest.mark.parametrize(
    ("door", "who"),
    [
        (("galera", "31", "3306"), ("32", "33", RUNNER)),  # HAProxy's hosts
        (("haproxy", VIP, "3306"), ("32", "33", RUNNER)),
        (("galera", "31", "4567"), ("32", "33")),
        (("galera-health", "31", "9200"), ("32", "33", RUNNER)),
        (("memcached", "31", "11211"), ("32", "33", RUNNER)),
        (("rabbitmq", "31", "5672"), ("32", "33", *COMPUTES, RUNNER)),
        (("rabbitmq", "31", "4369"), ("32", "33")),
        (("chrony", "31", "123"), ("32", "33", *COMPUTES)),
        (("nova-novncproxy", "31", "6080"), ("32", "33", RUNNER)),
        (("nova-metadata", "31", "8775"), ("32", "33", RUNNER)),
        (("keystone", "31", "5000"), ("32", "33", RUNNER)),
        (("haproxy", VIP, "5000"), None),
        (("haproxy", VIP, "8775"), (*COMPUTES, RUNNER)),
        (("haproxy", VIP, "1080"), ("32", "33", RUNNER)),
    ],
)
def test_controller_lets_in_whom_the_catalogue_names(site_of, door, who):
    assert found(site_of("lab"), "controller01")[door] == who


def test_compute_lets_in_consoles_migration_and_tunnels(site_of):
    assert found(site_of("lab"), "compute01") == {
        ("chrony", "34", "123"): (*CONTROLLERS, "35"),
        ("neutron-linuxbridge-agent", "34", "8472"): ("35",),
        ("libvirt", "34", "5900-5999"): CONTROLLERS,
        ("libvirt", "34", "49152-49215"): ("35",),
    }


def test_port_of_the_loopback_interface_needs_no_door(site_of):
    assert ("etcd", "31", "2379") in found(site_of("lab"), "controller01")
    assert {key for key in found(site_of("lab"), "controller01") if key[1].startswith("127.")} == set()


def test_without_haproxy_clients_ask_the_member(site_of):
    assert {
        who for (service, *_), who in found(site_of("two-node"), "controller").items() if service == "keystone"
    } == {None}


def test_a_host_without_services_lets_nobody_in(site_of):
    site = site_of("lab")
    spare = replace(site.cluster.nodes[0], name="spare", roles=("storage",))
    assert {door.service for door in doors(site.cluster, site.catalogue, spare)} <= {"chrony"}


def test_runners_of_the_inventory_may_ask(site_of):
    site = site_of("lab")
    ssh = replace(site.cluster.ssh, runners=(IPv4Network("192.0.2.0/24"),))
    (door,) = (
        door
        for door in doors(replace(site.cluster, ssh=ssh), site.catalogue, site.cluster.nodes[0])
        if door.service == "memcached"
    )
    assert "192.0.2.0/24" in door.sources
    assert door.lets_in(IPv4Address(MANAGEMENT + "32"))
    assert not door.lets_in(IPv4Address(MANAGEMENT + "34"))


def test_every_port_of_the_shipped_catalogue_says_from_whom(site_of):
    for profile in ("lab", "two-node"):
        site = site_of(profile)
        whole = catalogue.load().whole(site.cluster)
        assert [service for service in whole.services if service.port and not service.sources] == []
