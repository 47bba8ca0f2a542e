"""Facts of sockets and processes: listening sockets with the units that hold them, accounts, niceness."""

import pytest

from deploy.facts import processes, sockets
from deploy.facts.processes import Process


@pytest.fixture
def running(recording):
    return processes.parse(recording("sockets", "processes"))


@pytest.fixture
def listening(recording, running):
    return sockets.parse(recording("sockets", "controller"), running)


def at(listening, port):
    return {socket.address: socket.units for socket in listening if socket.port == port}


def test_two_programs_share_a_port_on_two_addresses(listening):
    assert at(listening, 5000) == {"172.16.181.31": {"keystone"}, "172.16.181.30": {"haproxy"}}


def test_a_wildcard_address_is_any(listening):
    assert at(listening, 4369) == {"any": {"epmd"}}
    assert at(listening, 22) == {"any": {"ssh"}}


def test_both_protocols_are_listed(listening):
    assert {socket.protocol for socket in listening} == {"tcp", "udp"}
    assert {socket.port for socket in listening if socket.protocol == "udp"} == {123, 5405}


def test_only_the_loopback_is_local(listening):
    assert {(socket.address, socket.port) for socket in listening if socket.is_local} == {("127.0.0.1", 2379)}


def test_a_socket_without_a_process_belongs_to_the_kernel():
    (vxlan,) = sockets.parse("udp UNCONN 0 0 0.0.0.0:8472 0.0.0.0:*\n", {})
    assert str(vxlan) == "any:8472/udp of the kernel"


def test_brackets_and_interfaces_are_removed_from_an_address():
    lines = "udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*\nudp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\n"
    assert [socket.address for socket in sockets.parse(lines, {})] == ["fe80::1", "127.0.0.53"]


def test_a_socket_of_no_service_is_named_by_its_program():
    line = 'tcp LISTEN 0 5 10.0.0.1:9 0.0.0.0:* users:(("socat",pid=7,fd=5))\n'
    assert str(sockets.parse(line, {7: Process("root", "")})[0]) == "10.0.0.1:9/tcp of socat"


@pytest.mark.parametrize(
    ("line", "may"),
    [
        ("udp UNCONN 0 0 0.0.0.0:35051 0.0.0.0:*", True),
        ("udp UNCONN 0 0 0.0.0.0:32768 0.0.0.0:*", True),
        ("udp UNCONN 0 0 0.0.0.0:60999 0.0.0.0:*", True),
        ("udp UNCONN 0 0 0.0.0.0:32767 0.0.0.0:*", False),
        ("udp UNCONN 0 0 0.0.0.0:61000 0.0.0.0:*", False),
        ("udp UNCONN 0 0 0.0.0.0:1812 0.0.0.0:*", False),
        ("udp UNCONN 0 0 0.0.0.0:161 0.0.0.0:*", False),
        ("udp UNCONN 0 0 10.0.0.1:35051 0.0.0.0:*", False),
        ("tcp LISTEN 0 5 0.0.0.0:35051 0.0.0.0:*", False),
    ],
)
def test_only_udp_on_an_ephemeral_port_may_be_a_client_s(line, may):
    (socket,) = sockets.parse(line + "\n", {})
    assert socket.may_be_client is may


def test_a_socket_whose_holder_has_ended_is_skipped():
    lines = 'tcp LISTEN 0 5 10.0.0.1:9 0.0.0.0:* users:(("mariadbd",pid=7,fd=5))\n'
    assert sockets.parse(lines, {8: Process("root", "mariadb")}) == ()
    lines += 'tcp LISTEN 0 5 10.0.0.1:10 0.0.0.0:* users:(("mariadbd",pid=8,fd=5))\n'
    assert [socket.port for socket in sockets.parse(lines, {8: Process("root", "mariadb")})] == [10]


UNREADABLE = ["garbage", "tcp LISTEN 0 5", "tcp LISTEN 0 5 10.0.0.1:9", "tcp LISTEN 0 5 10.0.0.1:http 0.0.0.0:*"]


@pytest.mark.parametrize("text", ["", *UNREADABLE])
def test_unreadable_output_lists_no_socket(text):
    assert sockets.parse(text, {}) == ()


def test_unreadable_lines_hide_no_other_socket():
    lines = "\n".join([*UNREADABLE, "tcp LISTEN 0 5 10.0.0.1:9 0.0.0.0:*"])
    assert [str(socket) for socket in sockets.parse(lines, {})] == ["10.0.0.1:9/tcp of the kernel"]


def test_a_program_s_name_may_have_spaces():
    line = 'tcp LISTEN 0 5 10.0.0.1:9 0.0.0.0:* users:(("tmux: server",pid=7,fd=5),("sh",pid=8,fd=5))\n'
    (socket,) = sockets.parse(line, {8: Process("root", "a")})
    assert (socket.program, socket.units) == ("tmux: server", {"a"})


def test_a_unit_may_have_processes_of_several_accounts(running):
    assert processes.users(running, "haproxy") == {"root", "haproxy"}
    assert processes.users(running, "keystone") == {"keystone"}
    assert processes.users(running, "absent") == frozenset()


def test_a_process_of_a_session_has_no_unit(running):
    assert running[1] == Process("root", "")


@pytest.mark.parametrize("text", ["", "x y z", "1 root", "PID USER UNIT"])
def test_unreadable_output_lists_no_process(text):
    assert processes.parse(text) == {}


def test_niceness_is_listed_by_unit_without_real_time_processes():
    lines = (
        "  0  10   1 keystone.service",
        " 10  11  10 keystone.service",
        "-10  12   1 mariadb.service",
        "  -  13   1 corosync.service",
        "  5  14   1 a.scope",
        "  0  15   2 -",
    )
    found = {"keystone": {0, 10}, "mariadb": {-10}, "corosync": set()}
    assert processes.parse_niceness("\n".join(lines)) == found


def test_short_lived_processes_do_not_count_for_a_unit_s_niceness():
    lines = (
        "  0   1   0 init.scope",
        "-10  20   1 pacemaker.service",
        "-10  21  20 pacemaker.service",
        "  0  22  21 pacemaker.service",
        "  0  23  22 pacemaker.service",
    )
    assert processes.parse_niceness("\n".join(lines)) == {"pacemaker": {-10}}


@pytest.mark.parametrize("text", ["", "NI PID PPID UNIT", "0 2 1", "0 2 1 a.service b"])
def test_unreadable_output_lists_no_niceness(text):
    assert processes.parse_niceness(text) == {}
