"""A tenant boots an instance and reaches it from outside: ping, metadata over HTTP, login with the key pair."""

from contextlib import contextmanager

import pytest

from deploy.catalogue import doors
from deploy.facts import rbd
from deploy.wait import until
from fixtures.instances import move, moved, whereabouts

BOOT = "cat /proc/sys/kernel/random/boot_id"
pytestmark = [pytest.mark.deploy, pytest.mark.flow, pytest.mark.project("nova-compute", "neutron-agents", "content")]


@pytest.fixture(scope="module")
def instance(tenant, instances):
    return instances.reachable(tenant)


def test_instance_is_active(instance):
    assert instance.server.status == "ACTIVE"


@pytest.mark.needs("ceph")
def test_root_disk_is_a_clone_of_the_image(site, instance):
    """Nothing was downloaded or copied: the disk shares the image's data until the instance writes."""
    disk = rbd.parent(site.members("nova-compute").first, "nova", "vms", f"{instance.server.id}_disk")
    assert disk == f"images/{instance.server.image.id}@snap"


def test_instance_answers_ping(instance):
    assert instance.answers_ping()


def test_instance_read_its_own_id_from_the_metadata_service(instance, offers):
    if not offers.serves:
        pytest.skip("this image serves no page with its own identifier; the image of `python -m deploy.guest` does")
    assert instance.page("/").strip() == instance.server.id


def test_instance_accepts_the_key_pair_for_cirros(instance):
    assert instance.login("id -un") == "cirros"


def test_instance_refuses_another_key(instance):
    assert instance.refuses_a_stranger()


@pytest.mark.needs("tenant-networks")
def test_instance_reaches_no_port_of_the_hosts(site, tenant, instance):
    """A tenant may give its router a route to any network by a neighbour on the provider network, such as a host."""
    inside = site.cluster.networks["management"].cidr
    # One node of each kind: nodes of the same roles have the same filter.
    nearby = {node.roles: node for node in site.cluster.nodes if "provider" in node.addresses}
    if not nearby:
        pytest.skip("no node has an address on the provider network, by which an instance could reach the others")
    answered = {}
    for node in nearby.values():
        with routed(site, tenant, str(inside), str(node.addresses["provider"])):
            asked = [f"{node.addresses['provider']} {port}" for port in ports(site, node)]
            asked += [f"{other.management} {port}" for other in site.cluster.nodes for port in ports(site, other)]
            own, *found = instance.login(KNOCK.format("\n".join(asked))).splitlines() or [""]
            assert own == OWN, f"the guest found no port at all, not even its own {OWN}"
            if found:
                answered[f"by {node.name}"] = found
    assert answered == {}


KNOCK = """knock() {{ nc -w 2 "$1" "$2" -e true </dev/null >/dev/null 2>&1 && echo "$1:$2"; }}
knock 127.0.0.1 22
while read -r address port; do knock "$address" "$port" & done <<'END'
{}
END
wait"""
"""Tries addresses and ports all at once, and prints those that answer; the guest's own SSH server must be the first."""
OWN = "127.0.0.1:22"


ROUTE = "ip netns exec qrouter-%s ip -4 route show %s"


def ports(site, node):
    """SSH's port and the first TCP port of each of the node's services."""
    own = {door.port for door in doors(site.cluster, site.catalogue, node) if door.protocol == "tcp"}
    return sorted(own | {site.cluster.ssh.port})


@contextmanager
def routed(site, tenant, network, gateway):
    """The tenant's router with one more route, once a host's router has it."""
    api = tenant.session.network
    router = api.find_router(tenant.name("router"), ignore_missing=False)
    routes = {"router": {"routes": [{"destination": network, "nexthop": gateway}]}}

    def route(host):
        return host.run(ROUTE, router.id, network).out.strip()

    api.add_extra_routes_to_router(router, routes)
    try:
        until(
            lambda: [name for name, shown in site.hosts.role("network").each(route).items() if shown],
            timeout=60,
            interval=0.5,
            what=f"router {router.name}",
            expected=f"a route to {network} by {gateway}",
            hint="neutron-l3-agent's journal on the network nodes",
        )
        yield
    finally:
        api.remove_extra_routes_from_router(router, routes)


@pytest.mark.needs("second-compute")
def test_instance_moves_to_another_compute_without_a_reboot(admin, instance):
    server, booted = instance.server.id, instance.login(BOOT)
    left = whereabouts(admin, server).host
    move(admin, server)
    assert moved(admin, server, away_from=left) != left
    assert instance.login(BOOT) == booted


@pytest.mark.needs("second-compute")
@pytest.mark.needs("ceph")
def test_instance_has_the_same_disk_after_the_move(site, admin, instance):
    """Nothing was copied: its disk is still a clone of the image, and the compute that it moved to has it open."""
    host, disk = site.members("nova-compute").first, f"{instance.server.id}_disk"
    assert rbd.parent(host, "nova", "vms", disk) == f"images/{instance.server.image.id}@snap"
    node = site.cluster.node(whereabouts(admin, instance.server.id).host)
    users = rbd.users(host, "nova", "vms", disk)
    assert len(users) == 1
    assert users <= {str(address) for address in node.addresses.values()}
