"""Doors: each port lets in whom the catalogue names, and nobody else."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from deploy import catalogue
from deploy.catalogue import doors
from deploy.catalogue.model import Port
from suites.harness.clusters import with_networks_apart
from suites.state.test_security import carried

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
    assert found(site_of("lab-small"), "controller01")[door] == who


def test_compute_lets_in_consoles_migration_and_tunnels(site_of):
    assert found(site_of("lab-small"), "compute01") == {
        ("chrony", "34", "123"): (*CONTROLLERS, "35"),
        ("neutron-linuxbridge-agent", "34", "8472"): ("35",),
        ("libvirt", "34", "5900-5999"): CONTROLLERS,
        ("libvirt", "34", "49152-49215"): ("35",),
    }


def test_networks_apart_have_doors_for_their_own_addresses(site_of):
    site = site_of(with_networks_apart())
    apart = {door.network: door for door in doors(site.cluster, site.catalogue, site.cluster.node("compute01"))}
    assert (str(apart["tunnel"].at), apart["tunnel"].sources) == ("10.77.1.34", ("10.77.1.35",))
    assert (str(apart["migration"].at), apart["migration"].sources) == ("10.77.2.34", ("10.77.2.35",))
    assert apart["migration"].lets_in(site.cluster.node("compute02"))
    assert not apart["migration"].lets_in(site.cluster.node("controller01"))


def test_doors_of_the_vip_are_on_its_network(site_of):
    site = site_of(with_networks_apart())
    node, member = site.cluster.node("controller01"), site.cluster.node("compute01")
    at_vip = {door.port: door for door in doors(site.cluster, site.catalogue, node) if door.network == "public"}
    assert {str(door.at) for door in at_vip.values()} == {"10.77.3.30"}
    assert at_vip[5000].sources is None
    assert at_vip[3306].sources == ("10.77.3.32", "10.77.3.33", "172.16.181.1/32")
    assert at_vip[8775].lets_in(member)  # it has no address there, and comes by a router
    assert at_vip[8775].sources == ("172.16.181.34", "172.16.181.35", "172.16.181.1/32")
    assert found(site, "controller01")["galera", "31", "3306"] == ("32", "33", RUNNER)


def test_port_may_name_the_storage_network(site_of):
    site = site_of(with_networks_apart())
    port = Port("data", 6800, "data", ("compute",), network="storage")
    service = replace(site.catalogue["libvirt"], ports=(port,))
    project = replace(site.catalogue.project("nova-compute"), services=(service,))
    (door,) = doors(site.cluster, replace(site.catalogue, projects=(project,)), site.cluster.node("compute01"))
    assert (str(door.at), door.sources, door.network) == ("10.77.4.34", ("10.77.4.35",), "storage")


def test_only_networks_with_traffic_can_be_kept_apart(site_of):
    lab, small, flat = site_of("lab"), site_of("lab-small"), site_of("two-node")
    assert carried(lab.cluster, lab.catalogue) == {"management", "public", "tunnel", "migration", "storage"}
    assert carried(small.cluster, small.catalogue) == {"management", "public", "tunnel", "migration"}
    assert carried(flat.cluster, flat.catalogue) == {"management"}


def test_network_of_the_vip_reaches_the_files_of_a_controller(site_of):
    site = site_of(with_networks_apart())
    node = site.cluster.node("controller01")
    files = {file.path: file.text for file in site.render(node, site.catalogue.on(node))}
    rules = files["/etc/stackproof/firewall.nft"]
    inside, _, rest = rules.partition("chain inside {")[2].partition("}\n\n    chain inside_public {")
    public = rest.partition("chain forward")[0]
    assert 'iifname "eth7" jump inside_public' in rules
    assert "10.77.3.30" not in inside
    assert "        ip daddr 10.77.3.30 tcp dport 5000 accept" in public
    assert "ip daddr 10.77.3.30 ip saddr { 10.77.3.32, 10.77.3.33, 172.16.181.1/32 } tcp dport 3306 accept" in public
    assert "icmp type echo-request accept" in public
    assert "tcp dport 22" not in public
    assert "ip daddr 172.16.181.31 ip saddr { 172.16.181.32, 172.16.181.33, 172.16.181.1/32 } tcp dport 3306" in inside
    proxy = files["/etc/haproxy/haproxy.cfg"]
    assert "bind 10.77.3.30:5000 " in proxy
    others = "172.16.181.34 172.16.181.35 172.16.181.21 172.16.181.22 172.16.181.23"
    assert f"acl ours src 10.77.3.31 10.77.3.32 10.77.3.33 {others} 172.16.181.1/32\n" in proxy


def test_networks_apart_reach_the_files_of_a_compute(site_of):
    site = site_of(with_networks_apart())
    (node,) = (each for each in site.cluster.nodes if each.name == "compute01")
    files = {file.path: file.text for file in site.render(node, site.catalogue.on(node))}
    assert "\nlocal_ip = 10.77.1.34\n" in files["/etc/neutron/plugins/ml2/linuxbridge_agent.ini"]
    assert "\nlive_migration_inbound_addr = 10.77.2.34\n" in files["/etc/nova/nova.conf"]
    assert '\nmigration_address = "10.77.2.34"\n' in files["/etc/libvirt/qemu.conf"]
    assert 'from="172.16.181.34,10.77.2.34,172.16.181.35,10.77.2.35"' in files["/var/lib/nova/.ssh/authorized_keys"]
    assert "dst 10.77.1.35\n" in files["/usr/local/libexec/stackproof/vxlan-flood"]
    rules = files["/etc/stackproof/firewall.nft"]
    tunnel, _, rest = rules.partition("chain inside_tunnel {")[2].partition("}\n\n    chain inside_migration {")
    migration = rest.partition("chain forward")[0]
    assert 'iifname "eth5" jump inside_tunnel' in rules
    assert "ip daddr 10.77.1.34 ip saddr { 10.77.1.35 } udp dport 8472 accept" in tunnel
    assert "ip daddr 10.77.2.34 ip saddr { 10.77.2.35 } tcp dport 49152-49215 accept" in migration
    assert "tcp dport 22 accept" in migration
    assert "tcp dport 22" not in tunnel
    assert 'iifname "eth8" jump inside_storage' in rules
    assert "inside_public" not in rules


def test_port_of_the_loopback_interface_needs_no_door(site_of):
    assert ("etcd", "31", "2379") in found(site_of("lab"), "controller01")
    assert {key for key in found(site_of("lab"), "controller01") if key[1].startswith("127.")} == set()


def test_without_haproxy_clients_ask_the_member(site_of):
    assert {
        who for (service, *_), who in found(site_of("two-node"), "controller").items() if service == "keystone"
    } == {None}


def test_a_host_without_services_lets_nobody_in(site_of):
    site = site_of("lab-small")
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
    assert door.lets_in(site.cluster.node("controller02"))
    assert not door.lets_in(site.cluster.node("compute01"))


def test_every_port_of_the_shipped_catalogue_says_from_whom(site_of):
    for profile in ("lab", "lab-small", "two-node"):
        site = site_of(profile)
        whole = catalogue.load().whole(site.cluster)
        assert [service for service in whole.services if service.port and not service.sources] == []
