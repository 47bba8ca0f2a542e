"""A tenant creates and deletes networks: each DHCP agent serves them, and nothing of them is left on any host."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from deploy import cloud
from deploy.facts import hosted, settings
from deploy.wait import until
from fixtures.leases import offers

SERVED, GONE = 120.0, 60.0
"""Seconds until all agents serve a network, and until nothing of it is left; on two busy cores some 20 s and 5 s."""
MANY, AT_ONCE, KEPT = 10, 5, 4.0
"""Networks that are created, how many at a time, and for how many seconds each exists: shorter than agents need."""
pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.project("neutron-agents"),
    pytest.mark.needs("tenant-networks"),
]


@pytest.fixture(scope="module")
def agents(site):
    """The number of DHCP agents that serve a network."""
    most = settings.read(site.members("neutron-api").first, "/etc/neutron/neutron.conf")
    servers = len(site.members("neutron-dhcp-agent"))
    return min(int(most.get("DEFAULT.dhcp_agents_per_network", 1)), servers)


class Network:
    """One network of the tenant, with a port."""

    def __init__(self, tenant, number):
        self._api = tenant.session.network
        with cloud.explained("creating a network"):
            self.id = self._api.create_network(name=tenant.name(f"network{number}")).id
            self._api.create_subnet(network_id=self.id, ip_version=4, cidr=f"10.77.{number}.0/24")
            self.port = self._api.create_port(network_id=self.id, name=tenant.name("port"))

    def servers(self):
        """The addresses of the DHCP servers that are connected."""
        with cloud.explained("reading the network's DHCP ports"):
            ports = list(self._api.ports(network_id=self.id, device_owner="network:dhcp", status="ACTIVE"))
        return {port.fixed_ips[0]["ip_address"] for port in ports}

    def delete(self):
        with cloud.explained("deleting the network"):
            self._api.delete_port(self.port)
            self._api.delete_network(self.id)


@pytest.fixture(scope="module")
def left(site):
    """Returns the namespaces and dnsmasq processes of some networks, by host."""

    def read(networks):
        found = site.members("neutron-dhcp-agent").each(hosted.read)
        names = {host: (*there.of("namespace"), *there.of("dnsmasq")) for host, there in found.items()}
        ours = {host: [name for name in of if any(each in name for each in networks)] for host, of in names.items()}
        return {host: found for host, found in ours.items() if found}

    return read


@pytest.fixture(scope="module")
def network(tenant, agents):
    made = tenant.made("network", Network(tenant, 0), Network.delete)
    until(made.servers, ready=lambda found: len(found) == agents, timeout=SERVED, what="the network's DHCP ports")
    return made


def test_each_dhcp_agent_offers_the_port_its_address(site, network, left, agents):
    if agents < 2:
        pytest.skip("one DHCP agent serves the network; a host does not hear its own server, and no other can ask it")
    wanted = dict.fromkeys(network.servers(), network.port.fixed_ips[0]["ip_address"])

    def offered():
        asked = [offers(site.hosts[name], network.id, network.port.mac_address) for name in left([network.id])]
        return {server: address for found in asked for server, address in found.items()}

    until(
        offered,
        ready=lambda found: found == wanted,
        timeout=SERVED,
        interval=1,
        what="what the network's DHCP servers offer to the port, by their addresses",
        expected=str(wanted),
        hint="neutron-dhcp-agent's journal on their hosts",
    )


def test_nothing_of_a_deleted_network_is_left(network, left):
    network.delete()
    gone(left, [network.id])


def test_nothing_of_networks_that_are_soon_deleted_is_left(tenant, left):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        networks = list(pool.map(brief, [tenant] * MANY, range(1, MANY + 1)))
    gone(left, networks)


def brief(tenant, number):
    """Create a network, keep it for some seconds and delete it; returns its identifier."""
    made = tenant.made("network", Network(tenant, number), Network.delete)
    sleep(KEPT)
    made.delete()
    return made.id


def gone(left, networks):
    until(
        lambda: left(networks),
        ready=lambda found: not found,
        timeout=GONE,
        interval=2,
        what="deleted networks on their hosts",
        expected="no namespace and no dnsmasq",
        hint="neutron-dhcp-agent's journal on those hosts; neutron-netns-cleanup removes namespaces",
    )
