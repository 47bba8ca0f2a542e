"""Facts of bare machines, parsed from recorded output and read from this machine."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy import catalogue, platforms
from deploy.errors import CommandFailed
from deploy.facts import (
    clock,
    disk,
    hosts_file,
    interfaces,
    leftovers,
    machine,
    neighbours,
    packages,
    ssh,
    virtualisation,
)
from deploy.facts.clock import Offset, TimeServer
from deploy.facts.interfaces import Interface
from deploy.facts.leftovers import Leftovers
from deploy.facts.neighbours import Neighbour
from deploy.facts.packages import Offer
from fixtures.prechecks import ThisMachine

PLATFORM = platforms.load("debian-12")
HERE = ThisMachine()


# -- machine and disk --------------------------------------------------------------------------------


def test_the_facts_of_this_machine_agree_with_python():
    seen = machine.read(HERE)
    assert seen.cpus == os.cpu_count()
    assert abs(seen.memory_mib - os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20) <= 1
    assert (seen.hostname, seen.architecture) == (os.uname().nodename, os.uname().machine)
    assert seen.init == Path("/proc/1/comm").read_text().strip()
    assert seen.os_release["ID"]


def test_quotes_and_comments_of_os_release_are_removed():
    seen = machine.parse("# a comment=1\nID=\"rocky\"\nNAME='Rocky Linux'\nVERSION_CODENAME=\n@init=busybox\n")
    assert dict(seen.os_release) == {"ID": "rocky", "NAME": "Rocky Linux", "VERSION_CODENAME": ""}
    assert (seen.init, seen.cpus, seen.memory_mib, seen.machine_id) == ("busybox", 0, 0, "")


def test_the_disk_of_a_missing_path_is_that_of_its_parent(tmp_path):
    absent = str(tmp_path / "a b" / "c")
    seen = disk.read(HERE, str(tmp_path), absent)
    usage = shutil.disk_usage(tmp_path)
    assert seen[str(tmp_path)].size_mib == usage.total // 2**20
    assert abs(seen[str(tmp_path)].free_mib - usage.free // 2**20) < 1024


def test_paths_with_their_mounts():
    seen = disk.parse("/usr 10218772 9600000 ext4 /\n/var/lib 512000 1000 xfs /var\ngarbage\n")
    assert (seen["/usr"].mount, seen["/usr"].size_mib, seen["/var/lib"].free_mib) == ("/", 9979, 0)
    assert list(seen) == ["/usr", "/var/lib"]


# -- interfaces ----------------------------------------------------------------------------------------

BARE = """[{"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"address":"00:00:00:00:00:00",
"addr_info":[{"family":"inet","local":"127.0.0.1","scope":"host"}]},
{"ifname":"eth0","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1500,"address":"52:54:00:00:00:01",
"addr_info":[{"family":"inet","local":"10.0.0.11","scope":"global"},{"family":"inet6","local":"fe80::1","scope":"link"}]},
{"ifname":"eth1","flags":["NO-CARRIER","BROADCAST","UP"],"mtu":9000,"address":"52:54:00:00:01:01","addr_info":[]}]"""
BRIDGED = """[{"ifname":"eth1","flags":["UP","LOWER_UP"],"mtu":1500,"address":"52:54:00:00:01:01","master":"brq0",
"addr_info":[]},{"ifname":"brq0","flags":["UP","LOWER_UP"],"mtu":1500,"address":"52:54:00:00:01:01",
"addr_info":[{"family":"inet","local":"10.1.0.11","scope":"global"}]}]"""


def test_interfaces_with_their_addresses():
    seen = interfaces.parse(BARE)
    assert seen["eth0"] == Interface("eth0", "52:54:00:00:00:01", 1500, True, "", ("10.0.0.11",))
    assert seen["lo"].addresses == ()
    assert interfaces.holder(seen, "10.0.0.11") == "eth0"
    assert interfaces.holder(seen, "10.0.0.12") == ""


def test_an_interface_of_which_little_is_known_is_not_up():
    assert interfaces.parse('[{"ifname": "x"}]') == {"x": Interface("x", "", 0, False, "", ())}
    assert Interface("x") == Interface("x", "", 0, False, "", ())
    assert interfaces.parse(BRIDGED)["eth1"].up


def test_an_interface_without_carrier_is_not_up():
    assert not interfaces.parse(BARE)["eth1"].up


def test_an_address_that_neutron_moved_to_a_bridge_is_found():
    assert interfaces.addresses(interfaces.parse(BRIDGED), "eth1") == ("10.1.0.11",)


def test_an_interface_has_its_own_addresses_and_its_bridge_s():
    both = BRIDGED.replace(
        '"master":"brq0",\n"addr_info":[]',
        '"master":"brq0","addr_info":[{"family":"inet","local":"10.2.0.11","scope":"global"}]',
    )
    assert interfaces.addresses(interfaces.parse(both), "eth1") == ("10.2.0.11", "10.1.0.11")
    assert interfaces.addresses(interfaces.parse(BARE), "eth0") == ("10.0.0.11",)


@pytest.mark.parametrize(("address", "held"), [("10.0.0.1", True), ("10.0.0.11", False), ("0.0.0.1", False)])
def test_an_address_is_held_as_a_whole(address, held):
    line = "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0"
    assert interfaces.holds(SimpleNamespace(check=lambda *_, **__: line), address) is held


def test_this_machine_has_a_loopback():
    assert interfaces.read(HERE)["lo"].up


@pytest.mark.parametrize("text", ["", "[]"])
def test_empty_output_lists_no_interface(text):
    assert interfaces.parse(text) == {}


def test_routes_name_the_interface_of_each_destination():
    text = '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0"}]\n\n[{"dst":"10.0.0.5","dev":"eth1"}]\n\n'
    assert interfaces.parse_routes(text) == {"default": "eth0", "10.0.0.5": "eth1"}


def test_the_route_to_a_session_s_peer_is_read_on_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        without = interfaces.routes(HERE, port)
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert interfaces.routes(HERE, port) == {**without, "127.0.0.1": "lo"}


# -- neighbours ----------------------------------------------------------------------------------------


def test_an_open_port_and_a_refused_connection_are_both_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = neighbours.read(HERE, "127.0.0.1", "127.0.0.2", port=server.getsockname()[1])
    assert (seen["127.0.0.1"].tcp, seen["127.0.0.2"].tcp) == ("open", "refused")
    assert all(entry.answers for entry in seen.values())


@pytest.fixture
def knocks(tmp_path, monkeypatch) -> Path:
    """A `bash` that fails after 0.2 s and records how many run at the same time, and a `sleep` without delay."""
    folder, noted = tmp_path / "bin", tmp_path / "noted"
    (folder / "under-way").mkdir(parents=True)
    for name, text in {
        "bash": f"cd {folder}/under-way; : > $$; ls | wc -l >> {noted}; /bin/sleep 0.2; rm $$; exit 124",
        "sleep": f'echo "sleep $1" >> {noted}',
        "ping": "exit 1",  # these addresses may be neighbours of this machine
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return noted


@pytest.mark.parametrize(("others", "rounds"), [(4, 1), (neighbours.AT_ONCE, 1), (39, 5)])
def test_a_host_tries_a_few_addresses_at_once_and_reports_all(knocks, others, rounds):
    addresses = [f"192.0.2.{number}" for number in range(1, others + 1)]
    seen = neighbours.read(HERE, *addresses)
    assert {address: entry.tcp for address, entry in seen.items()} == dict.fromkeys(addresses, "silent")
    noted = knocks.read_text().split("\n")
    assert sum(line.isdecimal() for line in noted) == others
    assert max(int(line) for line in noted if line.isdecimal()) <= neighbours.AT_ONCE
    spread = [float(line.split()[1]) for line in noted if line.startswith("sleep")]
    assert len(spread) == (rounds > 1)
    assert all(0 <= seconds < rounds for seconds in spread)


def test_no_address_means_no_command():
    assert neighbours.read(HERE) == {}


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        ("10.0.0.9 tcp open\nneigh 10.0.0.9 dev eth0 lladdr 52:54:00:00:00:09 REACHABLE", True),
        ("10.0.0.9 tcp refused\nneigh 10.0.0.9 dev eth0 lladdr 52:54:00:00:00:09 DELAY", True),
        ("10.0.0.9 tcp silent\nneigh 10.0.0.9 dev eth0 lladdr 52:54:00:00:00:09 REACHABLE", True),
        ("10.0.0.9 tcp silent\nneigh 10.0.0.9 dev eth0 lladdr 52:54:00:00:00:09 used 0 STALE", False),
        ("10.0.0.9 tcp silent\nneigh 10.0.0.9 dev eth0 FAILED", False),
        ("10.0.0.9 tcp silent\nneigh 10.0.0.9 dev eth0 INCOMPLETE", False),
        ("10.0.0.9 tcp silent", False),
    ],
)
def test_a_cached_neighbour_entry_is_no_answer(lines, answers):
    assert neighbours.parse(lines)["10.0.0.9"].answers is answers


def test_the_hardware_address_of_a_neighbour():
    seen = neighbours.parse("10.0.0.9 tcp open\nneigh 10.0.0.9 dev eth0 lladdr 52:54:00:00:00:09 REACHABLE\n")
    assert seen == {"10.0.0.9": Neighbour("open", "52:54:00:00:00:09", "REACHABLE")}


# -- names ---------------------------------------------------------------------------------------------


def test_every_name_of_a_line_in_the_hosts_file_counts():
    seen = hosts_file.parse("127.0.0.1 localhost\n\n# 10.0.0.8 c1\n10.0.0.9\tc1 c1.example # c2\n10.0.0.10 c1\n")
    assert seen == {"localhost": ("127.0.0.1",), "c1": ("10.0.0.9", "10.0.0.10"), "c1.example": ("10.0.0.9",)}


# -- clocks --------------------------------------------------------------------------------------------


def test_this_machines_clock_agrees_with_itself():
    seen = clock.offset(HERE)
    assert seen.at_least == 0
    assert abs(seen.seconds) <= seen.within < 5


def test_the_error_of_an_offset_is_half_the_shortest_round_trip():
    moments = iter([100.0, 104.0, 200.0, 203.0, 300.0, 300.2])

    class Late(ThisMachine):
        def check(self, *_: object, **__: object) -> str:
            return "312.5"

    assert clock.offset(Late(), now=lambda: next(moments)) == Offset(pytest.approx(12.4), pytest.approx(0.1))
    assert Offset(12.4, 0.1).at_least == pytest.approx(12.3)
    assert Offset(-12.4, 0.1).at_least == pytest.approx(12.3)
    assert Offset(0.05, 0.1).at_least == 0


def ntp(first: int, stratum: int, seconds: int) -> str:
    answer = bytes([first, stratum, *[7] * 38, *(seconds + clock.NTP_EPOCH).to_bytes(4, "big"), 7, 7, 7, 7])
    lines = [answer[at : at + 16] for at in (0, 16, 32)]
    return "\n".join(" ".join(f"{number:3}" for number in line) for line in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ntp(0x24, 2, 1_700_000_005) + "\n1700000000\n", TimeServer(2, 5)),
        (ntp(0x24, 0, 1_700_000_000) + "\n1700000000\n", TimeServer(0, 0)),  # kiss of death
        (ntp(0x23, 2, 1_700_000_000) + "\n1700000000\n", TimeServer()),  # our own request, echoed
        (ntp(0x25, 2, 1_700_000_000) + "\n1700000000\n", TimeServer()),
        ("1700000000\n", TimeServer()),
        ("", TimeServer()),
    ],
    ids=["serves", "not synchronised", "an echo", "a broadcast", "silence", "no output"],
)
def test_replies_of_a_time_server(text, expected):
    assert clock.parse(text) == expected
    assert expected.serves is (expected.stratum == 2)


def test_the_epoch_of_a_time_server_is_1900():
    seconds = 3_908_988_805  # 2023-11-14 22:13:25 UTC, 1_700_000_005 s after 1970
    assert clock.parse(ntp(0x24, 2, seconds - clock.NTP_EPOCH) + "\n1700000000\n") == TimeServer(2, 5)


@pytest.mark.parametrize(("stratum", "serves"), [(0, False), (1, True), (15, True), (16, False)])
def test_only_a_synchronised_time_server_serves(stratum, serves):
    assert TimeServer(stratum).serves is serves


def test_clocks_are_shown_with_their_sign_and_error():
    assert str(Offset(-0.25, 0.1)) == "-0.250 s, give or take 0.100 s"
    assert str(TimeServer(2, 5)) == "stratum 2, +5 s"
    assert str(TimeServer()) == "no answer"
    assert (TimeServer().stratum, TimeServer().ahead) == (0, 0)


def test_a_reply_that_is_too_short_is_none():
    whole = ntp(0x24, 2, 1_700_000_005)
    assert clock.parse(whole.rsplit(maxsplit=1)[0] + "\n1700000000\n") == TimeServer()
    assert clock.parse(whole + "\nno time\n") == TimeServer()


def test_a_silent_time_server_does_not_serve():
    assert not clock.server(HERE, "127.0.0.1").serves


# -- packages ------------------------------------------------------------------------------------------


def test_packages_that_no_source_offers_are_missing():
    script = 'for name; do [ "$name" = absent ] || echo "$name"; done'
    assert packages.offer(HERE, script, ["b", "absent", "a"]) == Offer(("absent",), known=True)
    assert packages.offer(HERE, f"{script}; exit {packages.NO_LISTS}", ["a", "absent"]) == Offer(
        ("absent",), known=False
    )


def test_sources_with_the_reason_they_were_not_reached():
    text = (
        "reached http://a/InRelease\nfailed http://b/InRelease Could not resolve 'b'\nfailed http://c/InRelease\nnoise"
    )
    assert packages.parse(text) == {
        "http://a/InRelease": "",
        "http://b/InRelease": "Could not resolve 'b'",
        "http://c/InRelease": "no reason given",
    }


apt = pytest.mark.skipif(
    shutil.which("apt-get") is None, reason="the platform's package manager is not on this machine"
)


@apt
def test_the_package_manager_of_the_platform_knows_installed_packages():
    assert "no-such-package" in packages.offer(HERE, PLATFORM.manager.available, ["dpkg", "no-such-package"]).missing
    assert "dpkg" not in packages.offer(HERE, PLATFORM.manager.available, ["dpkg", "no-such-package"]).missing


@apt
def test_a_source_not_yet_configured_is_tried():
    nowhere = "deb http://127.0.0.1:9/debian bookworm main\n"
    (index,) = packages.sources(HERE, PLATFORM.manager.sources, nowhere)
    assert index == "http://127.0.0.1:9/debian/dists/bookworm/InRelease"
    assert packages.sources(HERE, PLATFORM.manager.sources, nowhere)[index]


# -- leftovers -----------------------------------------------------------------------------------------


@pytest.fixture
def left(tmp_path):
    """Run the platform's script on a folder that stands for the machine's root."""

    def found(**files: str) -> Leftovers:
        for path, text in files.items():
            (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.lstrip("/")).write_text(text)
        script = re.sub(
            r"(?<![\w.*])/(etc|var)/", rf"{tmp_path}/\1/", leftovers.script(catalogue.load(), PLATFORM.name)
        )
        seen = leftovers.read(HERE, script)
        return Leftovers(seen.claims, tuple(path.removeprefix(str(tmp_path)) for path in seen.data))

    return found


COROSYNC = "totem {\n  version: 2\n  cluster_name: %s\n}\n"


def test_a_bare_machine_has_no_leftovers(left):
    assert left(**{"/etc/hosts": "127.0.0.1 localhost\n127.0.1.1 c1\n"}) == Leftovers({}, ())


@pytest.mark.parametrize("script", ["", "exit 0", "echo data /var/lib/etcd", "claim() {"])
def test_leftovers_of_a_script_that_did_not_end_are_an_error(script):
    with pytest.raises(CommandFailed):
        leftovers.read(HERE, script)


def test_packages_alone_leave_no_leftovers(left):
    seen = left(
        **{
            "/etc/corosync/corosync.conf": COROSYNC % "debian",
            "/etc/mysql/mariadb.conf.d/60-galera.cnf": '[galera]\n#wsrep_cluster_name = "MariaDB Galera Cluster"\n',
            "/etc/default/etcd": "# ETCD_INITIAL_CLUSTER_TOKEN=\n",
            "/var/lib/mysql/ibdata1": "",
        }
    )
    assert seen == Leftovers({}, ())


def test_every_configuration_claims_the_machine_for_its_cluster(left):
    seen = left(
        **{
            "/etc/hosts": "127.0.0.1 localhost\n10.0.0.10 other-vip\n",
            "/etc/stackproof/cluster": "other\n",
            "/etc/corosync/corosync.conf": COROSYNC % "other",
            "/etc/corosync/authkey": "",
            "/etc/mysql/my.cnf": "[galera]\nwsrep_cluster_name = other\n",
            "/etc/default/etcd": 'ETCD_INITIAL_CLUSTER_TOKEN="other"\n',
        }
    )
    assert seen.claims == dict.fromkeys(["stackproof", "hosts", "corosync", "galera", "etcd"], "other")
    assert seen.ours("other")
    assert not seen.ours("lab")
    assert seen.foreign("lab") == seen.claims


def test_data_is_listed_by_path(left):
    paths = [
        "/var/lib/mysql/grastate.dat",
        "/var/lib/rabbitmq/mnesia/rabbit@c9",
        "/var/lib/etcd/default/member",
        "/var/lib/nova/instances/0b4c7b6e-4a0c-4f6e-9a53-000000000000",
    ]
    seen = left(**dict.fromkeys(paths, ""), **{"/var/lib/nova/instances/_base": "", "/etc/hosts": ""})
    assert sorted(seen.data) == sorted(paths)


def test_a_machine_that_two_clusters_claim_belongs_to_neither():
    seen = Leftovers({"galera": "lab", "corosync": "other"})
    assert not seen.ours("lab")
    assert seen.foreign("lab") == {"corosync": "other"}
    assert not Leftovers().ours("lab")


# -- virtualisation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "possible", "words"),
    [
        ("", True, "no /dev/kvm"),
        ("firmware tcg works", True, "no /dev/kvm: instances are emulated"),
        ("firmware tcg works\ndevice\nkernel kvm works", True, "KVM runs a kernel under QEMU"),
        ("firmware tcg works\ndevice\nfirmware kvm works", True, "but no kernel"),
        ("firmware tcg works\ndevice\nkernel kvm fails hung", True, "KVM does not run a kernel under QEMU (hung)"),
        ("device\ninstructions kvm works", True, "there is no QEMU yet"),
        ("device\ninstructions kvm fails KVM_CREATE_VM: Invalid argument", True, "KVM_CREATE_VM: Invalid argument"),
        ("device\ninstructions kvm untried", True, "neither QEMU nor perl"),
        ("firmware tcg fails could not load PC BIOS\ndevice\nfirmware kvm fails no BIOS", False, "no BIOS"),
        ("firmware tcg works\ndevice\nfirmware kvm works\nbuild qemu", True, "the build's guest ran with qemu"),
    ],
)
def test_the_result_of_each_trial_is_described(text, possible, words):
    seen = virtualisation.parse(text)
    assert seen.possible is possible
    assert words in str(seen)


def test_a_machine_without_qemu_tries_kvm_with_instructions():
    """The trial ends and reports a result, whether KVM works here or not."""
    script = virtualisation._ASK.replace("command -v qemu-system-x86_64", "true")
    ended = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, timeout=30, check=False)
    seen = virtualisation.parse(ended.stdout)
    assert seen.device is Path("/dev/kvm").is_char_device()
    assert seen.emulation is None
    assert seen.trial == ("instructions" if seen.device else "")
    assert seen.kvm or seen.why or not seen.device


# -- SSH servers -------------------------------------------------------------------------------------


def test_host_keys_are_listed_by_address():
    text = "172.16.181.32 ssh-ed25519 SHA256:5ATi\n\n172.16.181.33 ssh-ed25519 SHA256:QhvC\n"
    assert ssh.parse(text) == {"172.16.181.32": "ssh-ed25519 SHA256:5ATi", "172.16.181.33": "ssh-ed25519 SHA256:QhvC"}
    assert ssh.parse("") == {}


def test_the_fingerprint_has_the_form_of_ssh_keygen():
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5e9ZZPx4ImXoDrCaTFbEJz0z2F+/Af4TZ8/41ck4ti nobody\n"
    assert ssh.fingerprint(public) == "ssh-ed25519 SHA256:5ATiOAREalLcwygmwGNmCkL6Een0QjrdaP38v0ED3GE"


def test_a_host_s_own_key_is_read_without_its_comment():
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5e9ZZPx4ImXoDrCaTFbEJz0z2F+/Af4TZ8/41ck4ti root@controller01\n"
    host = SimpleNamespace(check=lambda _: public)
    assert ssh.public_key(host) == public.rsplit(maxsplit=1)[0]
    assert ssh.own_key(host) == "ssh-ed25519 SHA256:5ATiOAREalLcwygmwGNmCkL6Een0QjrdaP38v0ED3GE"


def test_the_keys_of_all_addresses_are_asked_for_in_one_command():
    asked = []

    def run(command, *words, stdin):
        asked.append(command % words)
        return SimpleNamespace(out="10.0.0.2 ssh-ed25519 SHA256:QhvC\n")

    assert ssh.shown_keys(SimpleNamespace(run=run), ["10.0.0.2", "10.0.0.3"], 22) == {
        "10.0.0.2": "ssh-ed25519 SHA256:QhvC"
    }
    assert asked == ["exec sh -s -- 22 10.0.0.2 10.0.0.3"]


@pytest.mark.parametrize(
    ("out", "found"),
    [("", "nothing"), ("signed in\n", "signed in"), ("a warning\na notice\nPermission denied \n", "Permission denied")],
)
def test_the_last_line_says_whether_an_account_signs_in(out, found):
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=out))
    assert ssh.signs_in(host, "nova", "10.0.0.2") == found
    assert ssh.runs(host, "nova", "10.0.0.2", "id") == found
