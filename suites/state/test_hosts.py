"""Hosts: each has its own name and keys, knows all others, keeps time, and has its kernel settings."""

import pytest

from deploy.facts import chrony, interfaces, machine, names, ssh

CLOCK = 0.1
"""Seconds a clock may be off; etcd warns at 1 s, Ceph's monitors at half of this limit."""
SIGNS = {"br_netfilter": "/proc/sys/net/bridge"}
"""Folders that exist with a module that may be built in and has no parameters; all others appear below /sys/module."""
HEADERS = 28
"""Bytes of IPv4 and ICMP headers around the payload of ping."""
ANSWERED = " 1 received"
"""ping's own words for one answer to one packet."""


def test_hostname_matches_the_inventory(reader, node, expect):
    expect("hostname", machine.read(reader).hostname, node.name, "hostnamectl")


def test_every_node_name_resolves_to_its_management_address(reader, node, cluster, expect):
    wanted = {member.name: {str(member.management)} for member in cluster.nodes}
    found = names.resolved(reader, wanted)
    wrong = {name: found.get(name) for name, addresses in wanted.items() if found.get(name) != addresses}
    expect("names that do not resolve to the management address alone", wrong, {}, "getent ahostsv4, /etc/hosts")


def test_machine_id_is_unique(node, everywhere, expect):
    machines = everywhere(machine.read)
    own = machines[node.name].machine_id
    same = [name for name, other in machines.items() if other.machine_id == own and name != node.name]
    expect.that("machine-id", bool(own), seen="none", expected="one", look="systemd-machine-id-setup, /etc/machine-id")
    expect("other hosts with the same machine-id", same, [], "/etc/machine-id; a cloned disk carries its original's")


def test_every_node_shows_its_own_ssh_host_key(reader, node, cluster, everywhere, expect):
    own_keys = everywhere(ssh.own_key)
    others = [member for member in cluster.nodes if member.name != node.name]
    shown = ssh.shown_keys(reader, [member.management for member in others], cluster.ssh.port)
    wrong = {
        member.name: shown.get(str(member.management), "no answer")
        for member in others
        if shown.get(str(member.management)) != own_keys[member.name]
    }
    expect(
        "nodes whose SSH server does not show their own host key",
        wrong,
        {},
        "ssh-keyscan of the address: do two machines have it?",
    )


def test_clock_is_synchronised(reader, node, expect):
    clock = chrony.clock(reader)
    look = "chronyc sources"
    expect.that("clock", clock.synchronised, seen="follows no source", expected="follows a source", look=look)
    expect.that(
        "clock",
        abs(clock.offset) <= CLOCK,
        seen=f"{clock.offset:+.6f} s off",
        expected=f"at most {CLOCK:g} s off",
        look=look,
    )


@pytest.mark.own
def test_every_controller_is_a_source_of_the_clock(reader, follower, cluster, expect):
    """The servers of the inventory come on top: a name may stand for several addresses."""
    servers = {node.name: str(node.management) for node in cluster.role("controller") if node.name != follower.name}
    sources = chrony.clock(reader).sources
    words = {True: "answers", False: "silent", None: "no source"}
    expect(
        "the controllers as sources of the clock",
        {name: words[sources.get(address)] for name, address in servers.items()},
        dict.fromkeys(servers, "answers"),
        "chronyc sources; chrony on the controllers, and their packet filter",
    )


def test_kernel_setting_is_active(reader, kernel_setting, expect):
    listed = reader.run("sysctl" + " %s" * len(kernel_setting.every), *kernel_setting.every).out
    values = {key: value.strip() for key, _, value in (line.partition(" = ") for line in listed.splitlines())}
    key = kernel_setting.key
    expect(key, values.get(key), kernel_setting.value, f"sysctl {key}, /etc/sysctl.d")


def test_kernel_module_is_loaded_or_built_in(host, kernel_module, expect):
    sign = SIGNS.get(kernel_module.key, f"/sys/module/{kernel_module.key}")
    expect.that(
        f"kernel module {kernel_module.key}",
        host.run("ls -d %s", sign).stdout.strip() == sign,
        seen=f"no {sign}",
        expected="loaded, or built in",
        look=f"modprobe {kernel_module.key}",
    )


def test_interface_has_the_networks_mtu(reader, wire, expect):
    interface = interfaces.read(reader).get(wire.network.interface)
    expect(
        f"MTU of {wire.network.interface}, on the {wire.network.name} network",
        interface and interface.mtu,
        wire.network.mtu,
        f"ip link show {wire.network.interface}",
    )


def test_full_size_packet_reaches_the_next_node(host, node, cluster, expect):
    after = cluster.nodes[(cluster.nodes.index(node) + 1) % len(cluster.nodes)]
    size = cluster.management.mtu - HEADERS
    result = host.run("ping -q -n -c 1 -W 2 -M do -s %s %s", str(size), str(after.management))
    expect.that(
        f"a packet of {cluster.management.mtu} bytes to {after.name}",
        result.rc == 0 and ANSWERED in result.stdout,
        seen=result.stderr.strip() or result.stdout.strip().splitlines()[-1:],
        expected="an answer",
        look=f"ping -M do -s {size} {after.management}: does a switch on the way have a smaller MTU?",
    )


@pytest.mark.needs("way-out")
def test_default_route_leads_to_the_way_out(reader, led_out, cluster, expect):
    way_out = cluster.node(cluster.options.way_out)
    found = [route.gateway for route in interfaces.defaults(reader)]
    expect(f"next hop of {led_out.name}'s default route", found[:1], [str(way_out.management)], "ip route")
