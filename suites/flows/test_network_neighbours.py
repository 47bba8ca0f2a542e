"""Two instances of one network, on two computes: DHCP, DNS, security groups, port security, MTU, much data, IPv6."""

import os
from contextlib import contextmanager
from ipaddress import ip_interface

import icmplib
import pytest

from deploy import cloud
from deploy.wait import until
from fixtures.networks import (
    HEADERS,
    TAKES_EFFECT,
    comes,
    guests,
    joined,
    keep_apart,
    knock,
    pair_allowed,
    rule,
    using,
)

PORT = 5001
"""A TCP port that the security group of instances does not open."""
DATA = 20
"""MB that one instance sends to the other."""
SENT = 120.0
"""Seconds for the data; emulated processors compute the checksum of 10 MB in a second."""
PREFIX = "fd77:7377:7377::/64"
FOREIGN = "fa:16:3e:77:77:77"
"""A MAC address that no port has."""
RULES = "neutron-linuxbridge-agent's journal on the instances' computes; the rules: iptables-save, ebtables -t nat -L"
SEND = "dd if=/dev/urandom of=/run/data bs=1M count=%s 2>/dev/null && sha256sum /run/data && nc %s %s </run/data; :"
SPOOFED = """card=%s own=$(cat "/sys/class/net/$card/address")
ip link set "$card" address %s && ping -c 2 -W 1 %s >/dev/null && echo answered
ip link set "$card" address "$own" """
CARD = "ip -4 -o addr show scope global | awk '{ print $2; exit }'"
pytestmark = [
    pytest.mark.flow,
    pytest.mark.needs("tenant-networks"),
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
]


@pytest.fixture(scope="module")
def pair(cluster, tenant, instances):
    if "second-compute" in cluster.features:
        keep_apart(tenant)
    return guests(instances, (tenant, None), (tenant, None))


@pytest.fixture(scope="module")
def left(pair):
    return pair[0]


@pytest.fixture(scope="module")
def right(pair):
    return pair[1]


@pytest.fixture(scope="module")
def network(tenant, left):
    with cloud.explained("reading the network"):
        return tenant.session.network.get_network(left.port.network_id)


@pytest.fixture(scope="module")
def subnet(tenant, left):
    with cloud.explained("reading the subnet"):
        return tenant.session.network.get_subnet(left.port.fixed_ips[0]["subnet_id"])


@pytest.fixture(scope="module")
def resolvers(tenant, network, subnet):
    """The DNS servers that guests must be told of: the subnet's, or else the network's own."""
    with cloud.explained("reading the DHCP ports"):
        own = list(tenant.session.network.ports(network_id=network.id, device_owner="network:dhcp"))
    return set(subnet.dns_nameservers or [port.fixed_ips[0]["ip_address"] for port in own])


@pytest.fixture
def spare(tenant, network):
    """An address of the network that no instance has: a port without an instance holds it, as for a virtual address."""
    api = tenant.session.network
    with tenant.briefly():
        with cloud.explained("reserving an address"):
            held = tenant.made("port", api.create_port(network_id=network.id), api.delete_port)
        yield held.fixed_ips[0]["ip_address"]


def test_guest_uses_what_its_network_leases(left, network, subnet, resolvers):
    lease = left.lease()
    own = ip_interface(f"{left.address}/{subnet.cidr.partition('/')[2]}")
    assert (ip_interface(lease.address), lease.router) == (own, subnet.gateway_ip)
    assert lease.resolvers == resolvers
    assert lease.mtu == network.mtu


def test_network_knows_its_instances_by_name(left, right, subnet, resolvers):
    """By the name that Neutron gives a port where it has the extension dns-integration, or else by the address."""
    if subnet.dns_nameservers:
        pytest.skip(
            f"the subnet sends its instances to {', '.join(resolvers)} for names; without dns_nameservers the "
            "network's own servers are asked"
        )
    given = right.port.dns_assignment or [{"fqdn": f"host-{right.address.replace('.', '-')}.{left.lease().domain}"}]
    name = given[0]["fqdn"].rstrip(".")
    for server in resolvers:
        assert right.address in left.host.run("nslookup %s %s", name, server).out.split()
        assert name in left.host.run("nslookup %s %s", right.address, server).out


@pytest.mark.parametrize(
    ("source", "let_in"),
    [
        ({"remote_ip_prefix": "0.0.0.0/0"}, {"outside": "answers", "neighbour": "answers"}),
        ({"remote_group": True}, {"outside": "is silent", "neighbour": "answers"}),
    ],
    ids=["everybody", "members of the group"],
)
def test_rule_of_the_security_group_lets_in(tenant, left, right, source, let_in):
    """Whom it names, once it is there and as long as it is there; nobody without it."""
    source = {"remote_group_id": group(tenant).id} if "remote_group" in source else source

    def seen():
        return {"outside": knock(right.outside, PORT), "neighbour": left.knocks(right.address, PORT)}

    with right.listening(PORT):
        assert seen() == dict.fromkeys(let_in, "is silent")
        with rule(tenant, protocol="tcp", port_range_min=PORT, port_range_max=PORT, **source):
            comes(seen, let_in, f"port {PORT} of an instance, once a rule opens it", RULES)
        comes(seen, dict.fromkeys(let_in, "is silent"), f"port {PORT} of an instance, without the rule", RULES)


def group(tenant):
    with cloud.explained("reading the security group"):
        return tenant.session.network.find_security_group(tenant.name("group"), ignore_missing=False)


def test_instance_goes_nowhere_without_a_rule_for_the_way_out(tenant, left, right):
    api = tenant.session.network
    out = {"direction": "egress", "ethertype": "IPv4", "security_group_id": group(tenant).id}
    assert left.knocks(right.address, 80) == "answers"
    with cloud.explained("deleting the rule for the way out"):
        for each in list(api.security_group_rules(**out)):
            api.delete_security_group_rule(each)
    comes(lambda: left.knocks(right.address, 80), "is silent", "port 80 of the neighbour, without egress", RULES)
    with cloud.explained("adding the rule for the way out"):
        api.create_security_group_rule(**out)
    comes(lambda: left.knocks(right.address, 80), "answers", "port 80 of the neighbour, with egress", RULES)


def test_nothing_with_a_foreign_source_leaves_an_instance(left, right, spare):
    heard = right.hears()
    assert left.pings(right.address)
    assert right.hears() > heard, "the guest does not count what reaches it"
    heard = right.hears()
    with using(left, spare):
        assert not left.pings(right.address, source=spare)
    card = left.host.check(CARD).strip()
    assert "answered" not in left.host.run(SPOOFED, card, FOREIGN, right.address, timeout=30).out
    assert right.hears() == heard
    assert left.pings(right.address)


def test_allowed_pair_lets_an_instance_use_another_address(left, right, spare):
    def seen():
        return {"from it": left.pings(right.address, source=spare), "to it": right.pings(spare)}

    with using(left, spare):
        assert not any(seen().values())
        with pair_allowed(left, spare):
            comes(seen, {"from it": True, "to it": True}, f"pings of {spare}, once its use is allowed", RULES)
        comes(seen, {"from it": False, "to it": False}, f"pings of {spare}, no longer allowed", RULES)


def test_packets_as_large_as_the_mtu_arrive_whole(left, right, network):
    before = [in_pieces(guest) for guest in (left, right)]
    size = network.mtu - HEADERS
    assert left.pings(right.address, size=size)
    assert right.pings(left.address, size=size)
    privileged = os.geteuid() == 0
    assert icmplib.ping(left.outside, count=2, timeout=3, payload_size=size, privileged=privileged).is_alive
    assert [in_pieces(guest) for guest in (left, right)] == before
    assert left.pings(right.address, size=size + 1)
    assert in_pieces(right) > before[1], "the guest does not count the pieces of a packet larger than the MTU"


def in_pieces(guest):
    """The number of pieces of packets that have reached a guest."""
    return guest.counted()["Ip.ReasmReqds"]


@pytest.mark.needs("second-compute")
def test_much_data_arrives_whole_on_the_other_compute(tenant, left, right):
    assert len({guest.instance.server.host_id for guest in (left, right)}) == 2
    opened = {"protocol": "tcp", "port_range_min": PORT, "port_range_max": PORT}
    with rule(tenant, **opened), both_listen(left, right):
        for sender, receiver in ((left, right), (right, left)):
            sent, received = sums(sender, receiver)
            assert received == sent


@contextmanager
def both_listen(left, right):
    """Each returns the checksum of what it gets, once the sender has closed its half of the connection."""
    with left.listening(PORT, "sha256sum"), right.listening(PORT, "sha256sum"):
        yield


def sums(sender, receiver):
    """Send the data; return the checksums that the sender and the receiver computed of it."""
    comes(lambda: sender.knocks(receiver.address, PORT), "answers", f"port {PORT} of the neighbour", RULES)
    said = sender.host.run(SEND, DATA, receiver.address, PORT, timeout=SENT).out
    found = [line.split()[0] for line in said.splitlines()]
    assert len(found) == 2, f"no checksum of the receiver after {SENT:g} s: {said}"
    return found


@pytest.mark.needs("tenant-networks")
def test_router_gives_instances_ipv6_addresses_by_which_they_reach_each_other(tenant, left, right, network):
    if not left.host.run("test -e /proc/net/if_inet6").ok:
        pytest.skip("the guest's kernel has no IPv6; the image of `python -m deploy.guest` has it")
    api = tenant.session.network
    with tenant.briefly(), rule(tenant, ethertype="IPv6", protocol="ipv6-icmp"):
        with cloud.explained("making an IPv6 subnet"):
            modes = dict.fromkeys(("ipv6_ra_mode", "ipv6_address_mode"), "slaac")
            made = api.create_subnet(network_id=network.id, ip_version=6, cidr=PREFIX, **modes)
            tenant.made("IPv6 subnet", made, api.delete_subnet)
            joined(tenant, api.find_router(tenant.name("router"), ignore_missing=False), made)
        mine, other = [advertised(api, guest) for guest in (left, right)]
        comes(lambda: left.pings(other), True, "a ping of the neighbour over IPv6", RULES)
        assert right.pings(mine)


def advertised(api, guest):
    """The IPv6 address that Neutron expects a guest to give itself, once it has it."""
    with cloud.explained("reading the port"):
        fixed = [each["ip_address"] for each in api.get_port(guest.port.id).fixed_ips]
    (wanted,) = [address for address in fixed if ":" in address]
    until(
        lambda: guest.host.check("ip -6 -o addr show scope global").replace("/", " ").split(),
        ready=lambda found: wanted in found,
        timeout=TAKES_EFFECT,
        interval=1,
        what=f"the IPv6 addresses of {guest.instance.server.name}",
        expected=wanted,
        hint="radvd in the namespace of the router, on its active host: neutron-l3-agent's journal there",
    )
    return wanted
