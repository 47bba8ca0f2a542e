"""Provider networks: shared by tenants who have no networks of their own, and several beside each other."""

from dataclasses import replace

import pytest

from deploy import cloud
from fixtures.instances import Instances
from fixtures.networks import Guest, comes, guests

PORT = 5001
"""A TCP port that the security group of instances does not open."""
RULES = "neutron-linuxbridge-agent's journal on the instances' computes; the rules: iptables-save"
pytestmark = [pytest.mark.flow, pytest.mark.project("nova-compute", "neutron-agents", "content")]


def test_tenants_reach_each_other_on_the_provider_network_as_far_as_their_rules_allow(request, offers):
    if offers.tenant_networks:
        pytest.skip(
            "tenants have networks of their own here, and none may boot an instance on the provider network; a cluster "
            "with tenant_networks = false under [options] shares it"
        )
    tenant, stranger, instances = map(request.getfixturevalue, ("tenant", "stranger", "instances"))
    mine, other = guests(instances, (tenant, None), (stranger, None))
    assert mine.port.network_id == other.port.network_id
    assert mine.outside != other.outside
    assert mine.pings(other.outside)
    assert other.pings(mine.outside)
    with other.listening(PORT):
        assert mine.knocks(other.outside, PORT) == "is silent"


def test_instances_on_each_provider_network_are_reached_from_outside(request, offers, tmp_path):
    networks = provided(request.getfixturevalue("admin"), shared=not offers.tenant_networks)
    if len(networks) < 2:
        pytest.skip(
            f"the cloud has one network with a way to the outside, {', '.join(networks)}; with a second one (another "
            "name in flat_networks of ml2_conf.ini, and another network card) this flow boots an instance for each"
        )
    projects, found = request.getfixturevalue("projects"), []
    tenants = [projects.make() for _ in networks]
    try:
        for name, each in zip(networks, tenants, strict=True):
            found.append(Guest(Instances(replace(offers, network=name), tmp_path).reachable(each), each))
        for guest in found:
            reached = dict.fromkeys((other.outside for other in found if other is not guest), True)
            comes(
                lambda: {address: guest.pings(address) for address in reached},  # noqa: B023
                reached,
                f"pings of instances on other provider networks from {guest.outside}",
                RULES,
            )
    finally:
        left = [line for each in tenants for line in projects.remove(each)]
    assert left == []


def provided(admin, *, shared):
    """The names of the networks by which tenants reach the outside, or on which they boot instances."""
    wanted = {"is_shared": True} if shared else {"is_router_external": True}
    with cloud.explained("listing the provider networks"):
        return sorted(network.name for network in admin.network.networks(**wanted))
