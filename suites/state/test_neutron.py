"""Neutron: every agent is alive, no two tunnels end at one address, and networks and routers are carried as set."""

import pytest

from deploy.facts import network, settings

pytestmark = pytest.mark.project("neutron-agents")

CONFIG = "/etc/neutron/neutron.conf"
BRIDGES = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini"
SECRET = "DEFAULT.metadata_proxy_shared_secret"


@pytest.mark.api
def test_the_agent_is_alive(cloud_says, agent, expect):
    seen = [
        ("alive" if told.alive else "dead", "enabled" if told.enabled else "disabled")
        for told in cloud_says(network.agents)
        if (told.binary, told.host) == (agent.name, agent.node.name)
    ]
    expect(
        f"{agent.name} as Neutron knows it",
        [" and ".join(words) for words in seen],
        ["alive and enabled"],
        f"openstack network agent list; journalctl -u {agent.name}",
    )


@pytest.mark.api
def test_no_other_agent_is_known(cloud_says, cluster, expect):
    names = {node.name for node in cluster.nodes}
    others = {f"{told.binary} on {told.host}" for told in cloud_says(network.agents) if told.host not in names}
    expect("agents of hosts that are not in the inventory", others, set(), "openstack network agent list")


@pytest.mark.own
@pytest.mark.needs("tenant-networks")
def test_its_tunnels_are_set_to_its_own_address(reader, tunnel_end, expect):
    seen = settings.read(reader, BRIDGES).get("vxlan.local_ip")
    expect("local_ip", seen, str(tunnel_end.management), BRIDGES)


@pytest.mark.api
@pytest.mark.needs("tenant-networks")
def test_its_tunnels_end_at_its_own_address(cloud_says, tunnel_end, expect):
    """Inventory addresses are unique; so an end that is its node's own is no other's."""
    seen = {told.tunnel for told in cloud_says(network.agents) if told.host == tunnel_end.name and told.tunnel}
    expect.that(
        "where its tunnels end, as its agents told Neutron",
        len(seen) == 1 and seen <= set(map(str, tunnel_end.addresses.values())),
        seen=seen,
        expected="one address of its own",
        look=f"{BRIDGES}: local_ip",
    )


@pytest.mark.own
@pytest.mark.needs("tenant-networks")
def test_its_tunnels_flood_to_all_others(reader, tunnel_end, cluster, expect):
    others = {str(node.management) for node in cluster.role("network", "compute") if node != tunnel_end}
    missed = {device: others - ends for device, ends in network.flooded(reader).items() if others - ends}
    expect.that(
        "tunnel ends that a VXLAN device does not flood to",
        not missed,
        seen=missed,
        expected="none: instances would not find those that run there",
        look="bridge fdb show; systemctl status vxlan-flood",
    )


@pytest.mark.api
def test_every_network_is_served_by_as_many_dhcp_agents_as_set(cloud_says, readings, cluster, together, expect):
    told = asked(readings, together, networks=lambda: cloud_says(network.networks))
    count = min(int(told["set"].get("DEFAULT.dhcp_agents_per_network", 1)), len(cluster.role("network")))
    wrong = {found.name: found.hosts for found in told["networks"] if len(found.hosts) != count}
    expect.that(
        "where networks are served with DHCP",
        not wrong,
        seen=wrong,
        expected=f"each on {count} of the network nodes",
        look="openstack network agent list --network <network>",
    )


@pytest.mark.api
@pytest.mark.needs("tenant-networks")
def test_every_router_is_carried_by_as_many_l3_agents_as_set(cloud_says, readings, cluster, together, expect):
    told = asked(readings, together, routers=lambda: cloud_says(network.routers))
    most = int(told["set"].get("DEFAULT.max_l3_agents_per_router", 3))
    count = min(most or len(cluster.nodes), len(cluster.role("network")))
    wrong = {found.name: found.hosts for found in told["routers"] if len(found.hosts) != count}
    expect.that(
        "where highly available routers are carried",
        not wrong,
        seen=wrong,
        expected=f"each on {count} of the network nodes",
        look="openstack network agent list --router <router>",
    )


@pytest.mark.needs("tenant-networks")
def test_every_router_is_active_at_one_place(readings, expect):
    wrong = {found.name: found.hosts for found in network.active(readings.first("galera")) if len(found.hosts) != 1}
    expect.that(
        "where highly available routers are active",
        not wrong,
        seen=wrong,
        expected="each at one place",
        look="openstack network agent list --router <router> --long; keepalived on the network nodes",
    )


@pytest.mark.project("nova")
def test_the_metadata_secret_is_the_controllers(reader, network_node, everywhere, together, expect):
    told = together(
        {
            "agent": lambda: settings.read(reader, "/etc/neutron/metadata_agent.ini"),
            "nova": lambda: everywhere(nova_settings, service="nova-metadata"),
        }
    )
    own = told["agent"].get(SECRET)
    others = {name for name, nova in told["nova"].items() if nova.get("neutron.metadata_proxy_shared_secret") != own}
    expect.that("the metadata agent's secret", bool(own), seen="none", expected="one", look="metadata_agent.ini")
    expect("hosts whose Nova has another metadata secret", others, set(), "/etc/nova/nova.conf [neutron]")


def nova_settings(reader):
    return settings.read(reader, "/etc/nova/nova.conf")


def asked(readings, together, **more):
    """What is set where the API runs first, and more, asked at once."""
    first = readings.first("neutron-api")
    return together({"set": lambda: settings.read(first, CONFIG), **more})


@pytest.mark.needs("router-health-check")
def test_the_gateway_answers_the_routers(host, network_node, cluster, expect):
    gateway = cluster.provider.gateway
    told = host.run(f"ping -c 2 -i 0.2 -W 1 {gateway}")
    expect.that(
        f"the provider network's gateway {gateway}",
        told.rc == 0,
        seen=told.stdout.strip() or told.stderr.strip(),
        expected="an answer: no router stays active without, since options.router_health_check is set",
        look=f"ping {gateway}",
    )
