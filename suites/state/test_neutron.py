"""Neutron: every agent is alive, each node has its own tunnel address, networks and routers have enough agents."""

import pytest

from deploy.facts import network, settings

pytestmark = pytest.mark.project("neutron-agents")

CONFIG = "/etc/neutron/neutron.conf"
BRIDGES = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini"
SECRET = "DEFAULT.metadata_proxy_shared_secret"


@pytest.mark.api
def test_agent_is_alive_and_enabled(cloud_says, agent, expect):
    states = [
        ("alive" if entry.alive else "dead", "enabled" if entry.enabled else "disabled")
        for entry in cloud_says(network.agents)
        if (entry.binary, entry.host) == (agent.name, agent.node.name)
    ]
    expect(
        f"the state of {agent.name} in Neutron",
        [" and ".join(words) for words in states],
        ["alive and enabled"],
        f"openstack network agent list; journalctl -u {agent.name}",
    )


@pytest.mark.api
def test_no_agent_of_an_unknown_host_is_registered(cloud_says, cluster, expect):
    names = {node.name for node in cluster.nodes}
    agents = expect.known("Neutron's agents", cloud_says(network.agents), "openstack network agent list")
    others = {f"{entry.binary} on {entry.host}" for entry in agents if entry.host not in names}
    expect("agents of hosts that are not in the inventory", others, set(), "openstack network agent list")


@pytest.mark.own
@pytest.mark.needs("tenant-networks")
def test_configured_tunnel_address_is_the_nodes_own(reader, tunnel_end, expect):
    address = settings.read(reader, BRIDGES).get("vxlan.local_ip")
    expect("local_ip", address, str(tunnel_end.at("tunnel")), BRIDGES)


@pytest.mark.api
@pytest.mark.needs("tenant-networks")
def test_reported_tunnel_address_is_the_nodes_own(cloud_says, tunnel_end, expect):
    """Addresses are unique in the inventory, so a node's own address is no other node's tunnel end."""
    ends = {entry.tunnel for entry in cloud_says(network.agents) if entry.host == tunnel_end.name and entry.tunnel}
    expect.that(
        "tunnel addresses that the node's agents reported to Neutron",
        len(ends) == 1 and ends <= set(map(str, tunnel_end.addresses.values())),
        seen=ends,
        expected="one address of the node",
        look=f"{BRIDGES}: local_ip",
    )


@pytest.mark.own
@pytest.mark.needs("tenant-networks")
def test_tunnels_flood_to_every_other_node(reader, tunnel_end, cluster, expect):
    others = {str(node.at("tunnel")) for node in cluster.role("network", "compute") if node != tunnel_end}
    missed = {device: others - ends for device, ends in network.flooded(reader).items() if others - ends}
    expect.that(
        "tunnel addresses to which a VXLAN device does not flood",
        not missed,
        seen=missed,
        expected="none: instances could not reach those on the missing nodes",
        look="bridge fdb show; systemctl status vxlan-flood",
    )


@pytest.mark.api
def test_every_network_has_the_configured_number_of_dhcp_agents(cloud_says, readings, cluster, together, expect):
    read = with_settings(readings, together, networks=lambda: cloud_says(network.networks))
    count = min(int(read["settings"].get("DEFAULT.dhcp_agents_per_network", 1)), len(cluster.role("network")))
    wrong = {entry.name: entry.hosts for entry in read["networks"] if len(entry.hosts) != count}
    expect.that(
        "hosts of the DHCP agents of networks",
        not wrong,
        seen=wrong,
        expected=f"{count} network nodes for each network",
        look="openstack network agent list --network <network>",
    )


@pytest.mark.api
@pytest.mark.needs("tenant-networks")
def test_every_router_has_the_configured_number_of_l3_agents(cloud_says, readings, cluster, together, expect):
    read = with_settings(readings, together, routers=lambda: cloud_says(network.routers))
    most = int(read["settings"].get("DEFAULT.max_l3_agents_per_router", 3))
    count = min(most or len(cluster.nodes), len(cluster.role("network")))
    wrong = {entry.name: entry.hosts for entry in read["routers"] if len(entry.hosts) != count}
    expect.that(
        "hosts of the L3 agents of highly available routers",
        not wrong,
        seen=wrong,
        expected=f"{count} network nodes for each router",
        look="openstack network agent list --router <router>",
    )


@pytest.mark.needs("tenant-networks")
def test_every_router_is_active_on_exactly_one_node(readings, expect):
    wrong = {entry.name: entry.hosts for entry in network.active(readings.first("galera")) if len(entry.hosts) != 1}
    expect.that(
        "hosts on which highly available routers are active",
        not wrong,
        seen=wrong,
        expected="exactly one host for each router",
        look="openstack network agent list --router <router> --long; keepalived on the network nodes",
    )


@pytest.mark.project("nova")
def test_metadata_secret_matches_the_secret_of_nova(reader, network_node, everywhere, together, expect):
    read = together(
        {
            "agent": lambda: settings.read(reader, "/etc/neutron/metadata_agent.ini"),
            "nova": lambda: everywhere(nova_settings, service="nova-metadata"),
        }
    )
    own = read["agent"].get(SECRET)
    others = {name for name, nova in read["nova"].items() if nova.get("neutron.metadata_proxy_shared_secret") != own}
    expect.that("the metadata agent's secret", bool(own), seen="none", expected="one", look="metadata_agent.ini")
    expect("hosts whose Nova has another metadata secret", others, set(), "/etc/nova/nova.conf [neutron]")


def nova_settings(reader):
    return settings.read(reader, "/etc/nova/nova.conf")


def with_settings(readings, together, **reads):
    """The named readings, and under `settings` the neutron.conf of the first host of the API."""
    first = readings.first("neutron-api")
    return together({"settings": lambda: settings.read(first, CONFIG), **reads})


@pytest.mark.needs("router-health-check")
def test_provider_gateway_answers_ping(host, network_node, cluster, expect):
    gateway = cluster.provider.gateway
    result = host.run(f"ping -c 2 -i 0.2 -W 1 {gateway}")
    expect.that(
        f"the provider network's gateway {gateway}",
        result.rc == 0 and "bytes from" in result.stdout,
        seen=result.stdout.strip() or result.stderr.strip(),
        expected="an answer: with options.router_health_check, no router stays active without one",
        look=f"ping {gateway}",
    )
