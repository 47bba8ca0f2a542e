"""Networks of two tenants: the same subnet twice, two networks behind one router, floating IPs, and nothing left."""

from contextlib import contextmanager

import pytest

from deploy import cloud
from deploy.errors import HostUnreachable
from deploy.host import first_key
from deploy.wait import until
from fixtures.instances import TENANT_CIDR
from fixtures.networks import LISTENS, PATIENCE, comes, guests, knock, left, routed, traces

SAME = "192.168.77.50"
"""The address of an instance of each tenant."""
GATE, OTHER_GATE = "192.168.77.1", "192.168.77.254"
"""The addresses of the tenants' routers in their networks, which have the same subnet."""
SECOND = "192.168.78.0/24"
POOL = [{"start": "192.168.77.100", "end": "192.168.77.199"}]
"""The addresses of the networks' own ports, so that no DHCP server gets the address of the other tenant's router."""
GONE = 120.0
"""Seconds until nothing of networks, routers and instances is left; some 10 s, and 60 s on two very busy cores."""
ROUTER = "neutron-l3-agent's journal on the network nodes; ip netns exec qrouter-ID iptables -t nat -S"
CALL = "timeout %s sh -c 'while :; do nc -w %s %s 22 -e sleep 2; sleep 0.2; done' >/dev/null 2>&1 </dev/null & echo $!"
LONG = 600
"""Seconds after which the guest stops calling, whatever happens to this run."""
CALLERS = "netstat -tn | awk '$4 ~ /:22$/ && $6 == \"ESTABLISHED\" { print $5 }'"
pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.needs("tenant-networks"),
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
]


@pytest.fixture(scope="module")
def router(tenant, offers):
    """The tenant's router; its network, and a second one."""
    _, made = routed(tenant, offers, cidr=TENANT_CIDR, gateway_ip=GATE, allocation_pools=POOL)
    routed(tenant, offers, "second", cidr=SECOND, router=made)
    with cloud.explained("reading the router"):
        return tenant.session.network.get_router(made.id)


@pytest.fixture(scope="module")
def all_guests(tenant, stranger, offers, instances, router):
    theirs, _ = routed(stranger, offers, cidr=TENANT_CIDR, gateway_ip=OTHER_GATE, allocation_pools=POOL)
    with cloud.explained("reading the networks"):
        first, second = (tenant.session.network.find_network(tenant.name(what)) for what in ("network", "second"))
    return guests(
        instances,
        (tenant, {"uuid": first.id, "fixed_ip": SAME}),
        (tenant, {"uuid": second.id}),
        (stranger, {"uuid": theirs.id, "fixed_ip": SAME}),
    )


@pytest.fixture(scope="module")
def first(all_guests):
    return all_guests[0]


@pytest.fixture(scope="module")
def second(all_guests):
    """The tenant's instance on the second network."""
    return all_guests[1]


@pytest.fixture(scope="module")
def twin(all_guests):
    """The stranger's instance, which has the address of the tenant's first one."""
    return all_guests[2]


def test_tenants_with_the_same_subnet_reach_their_own_network_alone(first, twin):
    assert (first.lease().address, first.lease().router) == (f"{SAME}/24", GATE)
    assert (twin.lease().address, twin.lease().router) == (f"{SAME}/24", OTHER_GATE)
    reached = {(name, gate): guest.pings(gate) for name, guest in named(first, twin) for gate in (GATE, OTHER_GATE)}
    assert reached == {
        ("tenant", GATE): True,
        ("tenant", OTHER_GATE): False,
        ("stranger", GATE): False,
        ("stranger", OTHER_GATE): True,
    }
    assert key(first.outside) != key(twin.outside)


def named(first, twin):
    return ("tenant", first), ("stranger", twin)


def key(address):
    """The key of the SSH server at an address, of which each instance has another one; empty where nobody answers."""
    try:
        return first_key(address).rstrip().partition(" ")[2]
    except HostUnreachable:
        return ""


def test_router_connects_the_networks_of_its_tenant(first, second):
    assert first.pings(second.address)
    assert second.pings(SAME)


def test_instance_gets_the_page_of_its_own_tenant(first, second, offers):
    if not offers.serves:
        pytest.skip("this image serves no page with its own identifier; the image of `python -m deploy.guest` does")
    assert second.page(SAME) == first.instance.server.id


def test_instance_without_its_floating_ip_goes_out_by_the_router_and_is_not_reached(tenant, router, first, twin):
    own, shared = first.outside, router.external_gateway_info["external_fixed_ips"][0]["ip_address"]
    with calling(first, twin.outside):
        called_from(twin, own)
        with assigned(tenant, own, None):
            called_from(twin, shared)  # a connection that was open when the address went has no end there
            comes(lambda: knock(own, 22), "is silent", f"a floating IP of no instance, {own}", ROUTER)
        comes(lambda: knock(own, 22), "answers", f"the floating IP of an instance, {own}", ROUTER)


def called_from(guest, address):
    """Wait until somebody with that address is connected to the guest."""
    until(
        lambda: sorted(callers(guest)),
        ready=lambda found: address in found,
        timeout=PATIENCE,
        interval=1,
        what="sources of the instance's connections, seen by an instance outside",
        expected=address,
        hint=ROUTER,
    )


@contextmanager
def calling(guest, address):
    """The guest connects to the SSH server at an address again and again, and keeps each connection for two seconds."""
    number = guest.host.check(CALL, LONG, LISTENS, address).strip()
    yield
    guest.host.run("kill %s; :", number)


def callers(guest):
    """The addresses from which somebody is connected to the guest's SSH server."""
    lines = guest.host.check(CALLERS).split()
    return {line.rpartition(":")[0].removeprefix("::ffff:") for line in lines}


def test_floating_ip_moves_to_another_instance(tenant, first, second):
    keys = {guest.outside: key(guest.outside) for guest in (first, second)}
    assert all(keys.values())
    with assigned(tenant, second.outside, None), assigned(tenant, first.outside, second.port.id):
        comes(lambda: key(first.outside), keys[second.outside], "the SSH server at a moved floating IP", ROUTER)
    comes(lambda: {address: key(address) for address in keys}, keys, "the SSH servers at both floating IPs", ROUTER)


@contextmanager
def assigned(tenant, address, port):
    """A floating IP leads to another port, or to none."""
    api = tenant.session.network
    with cloud.explained("assigning the floating IP"):
        floating = next(iter(api.ips(floating_ip_address=address)))
        before = floating.port_id  # the SDK writes the new one into the object
        api.update_ip(floating, port_id=port)
    try:
        yield
    finally:
        with cloud.explained("assigning the floating IP as before"):
            api.update_ip(floating, port_id=before)


def test_nothing_of_deleted_networks_is_left(site, admin, tenant, all_guests):
    """The last test: everything of the tenant is removed before it looks."""
    hosts, names = site.hosts.role("network", "compute"), traces(admin, tenant)

    def look():
        return {host: found for host, found in hosts.each(lambda each: left(each, names)).items() if found}

    assert look(), "nothing was found on any host while the networks were there"
    assert tenant.remove_all() == []
    until(
        look,
        ready=lambda found: not found,
        timeout=GONE,
        interval=3,
        what="deleted networks, routers and instances on their hosts",
        expected="no namespace, device, process, rule or file of them",
        hint="the journals of neutron-linuxbridge-agent, neutron-l3-agent, neutron-dhcp-agent and nova-compute there",
    )
