"""Hosts: each is who it says, knows all others, keeps the same time, and has the kernel, network and disk it needs."""

import pytest

from deploy.facts import chrony, disk, interfaces, machine, names, ssh

CLOCK = 0.1
"""Seconds a clock may be off; etcd warns at one, Ceph's monitors at half of this."""
FREE = 0.1
"""The part of each file system that must be free."""
PLACES = ("/", "/var/lib", "/var/log", "/tmp")
SIGNS = {"br_netfilter": "/proc/sys/net/bridge"}
"""What shows that the kernel has a module that is built in and has no parameters; all others show below /sys/module."""
HEADERS = 28
"""Bytes of IPv4 and ICMP headers around what ping sends."""


def test_it_is_called_what_the_inventory_says(reader, node, expect):
    expect("its hostname", machine.read(reader).hostname, node.name, "hostnamectl")


def test_it_finds_every_node_by_name(reader, node, cluster, expect):
    wanted = {member.name: {str(member.management)} for member in cluster.nodes}
    found = names.resolved(reader, wanted)
    wrong = {name: found.get(name) for name, addresses in wanted.items() if found.get(name) != addresses}
    expect("names that are not the management address, and it alone", wrong, {}, "getent ahostsv4, /etc/hosts")


def test_no_other_has_its_machine_id(node, everywhere, expect):
    machines = everywhere(machine.read)
    own = machines[node.name].machine_id
    same = [name for name, seen in machines.items() if seen.machine_id == own and name != node.name]
    expect.that(
        "its machine-id", bool(own), seen="none", expected="one", look="systemd-machine-id-setup, /etc/machine-id"
    )
    expect("hosts with its machine-id", same, [], "/etc/machine-id, which a cloned disk brings along")


def test_it_reaches_every_node_over_ssh_and_no_other_in_its_place(reader, node, cluster, everywhere, expect):
    theirs = everywhere(ssh.own_key)
    others = [member for member in cluster.nodes if member.name != node.name]
    shown = ssh.shown_keys(reader, [member.management for member in others], cluster.ssh.port)
    wrong = {
        member.name: shown.get(str(member.management), "no answer")
        for member in others
        if shown.get(str(member.management)) != theirs[member.name]
    }
    expect("nodes whose SSH server does not show their own key", wrong, {}, "ssh-keyscan from here; an address twice?")


def test_its_clock_is_right(reader, node, expect):
    seen = chrony.clock(reader)
    look = "chronyc sources"
    expect.that("its clock", seen.synchronised, seen="follows nobody", expected="follows a source", look=look)
    expect.that(
        "its clock",
        abs(seen.offset) <= CLOCK,
        seen=f"{seen.offset:+.6f} s off",
        expected=f"at most {CLOCK:g} s off",
        look=look,
    )


@pytest.mark.own
def test_the_first_controller_gives_it_the_time(reader, follower, cluster, expect):
    server = cluster.role("controller")[0].management
    expect("the source of its time", chrony.clock(reader).source, str(server), "chronyc sources")


def test_the_kernel_does_what_is_set(host, kernel_setting, expect):
    seen = host.run("sysctl -n %s", kernel_setting.key).stdout.strip()
    expect(kernel_setting.key, seen, kernel_setting.value, f"sysctl {kernel_setting.key}, /etc/sysctl.d")


def test_the_kernel_has_what_it_needs(host, kernel_module, expect):
    sign = SIGNS.get(kernel_module.key, f"/sys/module/{kernel_module.key}")
    expect.that(
        f"kernel module {kernel_module.key}",
        host.file(sign).is_directory,
        seen=f"no {sign}",
        expected="loaded, or built in",
        look=f"modprobe {kernel_module.key}",
    )


def test_its_interface_has_the_networks_mtu(reader, wire, expect):
    seen = interfaces.read(reader).get(wire.network.interface)
    expect(
        f"MTU of {wire.network.interface}, on the {wire.network.name} network",
        seen and seen.mtu,
        wire.network.mtu,
        f"ip link show {wire.network.interface}",
    )


def test_full_packets_reach_the_next_node(host, node, cluster, expect):
    after = cluster.nodes[(cluster.nodes.index(node) + 1) % len(cluster.nodes)]
    size = cluster.management.mtu - HEADERS
    told = host.run("ping -q -n -c 1 -W 2 -M do -s %s %s", str(size), str(after.management))
    expect.that(
        f"a packet of {cluster.management.mtu} bytes to {after.name}",
        told.rc == 0,
        seen=told.stderr.strip() or told.stdout.strip().splitlines()[-1:],
        expected="an answer",
        look=f"ping -M do -s {size} {after.management}: an MTU on the way that is smaller?",
    )


def test_its_disks_have_room(reader, node, expect):
    there = {place.mount: place for place in disk.read(reader, *PLACES).values()}
    full = {
        mount: f"{place.free_mib} of {place.size_mib} MiB free"
        for mount, place in there.items()
        if place.free_mib < FREE * place.size_mib
    }
    expect.that("its disks", not full, seen=full, expected=f"at least {FREE:.0%} free on each", look="df -h")
