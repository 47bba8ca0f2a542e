"""Families of faults: the class, undo and description of each fault, and what each never changes."""

import os
import re
import subprocess

import pytest

from deploy import inventory
from deploy.errors import HostUnreachable
from deploy.facts import ceph
from deploy.facts.disk import FileSystem
from deploy.inventory import Lab
from fixtures.drills.errors import Refused
from fixtures.drills.faults import clock, configuration, cut, disk, maintenance, process, undo
from fixtures.drills.faults.configuration import Configuration
from fixtures.drills.faults.cut import Cut
from fixtures.drills.faults.evacuation import Evacuation
from fixtures.drills.faults.maintenance import Maintenance
from fixtures.drills.faults.power import Power
from fixtures.drills.faults.undo import COPY_SUFFIX, POWER_ON, TABLE, Undo
from fixtures.drills.run import clients
from fixtures.drills.who import Who
from fixtures.probes.subject import ping_of
from suites.harness.clusters import with_networks_apart, with_storage, without_ceph


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture
def whole(site_of):
    """The lab with storage nodes."""
    return site_of(with_storage(inventory.load("lab")))


@pytest.mark.parametrize(
    ("victims", "kind", "heals"),
    [
        (["controller03"], "node-loss", True),
        (["compute01"], "compute-loss", False),
        (["controller02", "controller03"], "quorum-loss", False),
        (["controller01", "controller02", "controller03"], "cold-start", False),
        (["storage01"], "node-loss", False),
        (["storage01", "compute01"], "node-loss", False),
        (["storage01", "storage02"], "quorum-loss", False),
        (["controller01", "storage01", "storage02", "storage03"], "cold-start", False),
    ],
)
def test_the_class_of_a_power_loss_follows_from_the_quorum_that_loses_most(whole, victims, kind, heals):
    site = whole
    fault = Power(site).off(*(site.hosts[name] for name in victims))
    assert (fault.kind, fault.heals) == (kind, heals)
    assert [(undo.kind, undo.host) for undo in fault.undos] == [(POWER_ON, name) for name in victims]
    assert all(name in fault.description for name in victims)


def test_storage_nodes_without_ceph_are_no_quorum(site_of):
    assert not Who(site_of(without_ceph(inventory.load("lab")))).stores()
    assert len(Who(site_of("lab")).stores()) == 3


def test_a_fault_that_makes_its_victim_boot_says_so(site):
    victim = site.hosts["controller02"]
    off, cut = Power(site).off(victim, site.hosts["controller01"]), Cut(site).off(victim)
    assert (off.victims, off.reboots, off.unpowered) == (("controller02", "controller01"), True, True)
    assert (cut.reboots, cut.unpowered) == (True, False)  # Pacemaker fences it
    compute = Cut(site).off(site.hosts["compute01"])
    assert (compute.returns, compute.reboots) == (True, False)


def test_a_restart_boots_and_a_standby_does_not(site, monkeypatch):
    monkeypatch.setattr(maintenance, "boot", lambda _: "before")
    monkeypatch.setattr(Maintenance, "_running", lambda *_: {})
    victim = site.hosts["controller02"]
    assert [make(victim).reboots for make in (Maintenance(site).restart, Maintenance(site).standby)] == [True, False]


def test_a_storage_node_is_back_from_a_restart_once_all_osds_are_up(whole, monkeypatch):
    victim, asked = whole.hosts["storage01"], []
    boots = iter(["before", "after", "after", "after"])
    states = iter(
        [
            ceph.CephStatus(quorum=("storage02", "storage03"), osds=3, up=3),
            ceph.CephStatus(quorum=("storage01", "storage02"), osds=3, up=2),
            ceph.CephStatus(quorum=("storage01", "storage02"), osds=3, up=3),
        ]
    )
    monkeypatch.setattr(maintenance, "boot", lambda _: next(boots))
    monkeypatch.setattr(maintenance, "booted", lambda _: True)
    monkeypatch.setattr(maintenance.ceph, "status", lambda _: next(states))
    for name, host in whole.hosts.items():
        host.check = lambda *arguments, name=name, **_: asked.append((name, *arguments))
    fault = Maintenance(whole).reboot(victim)
    fault.inject()
    assert [asked[0][0], asked[0][-1], asked[1][0]] == ["storage02", "storage01", "storage01"]
    assert [fault.gone() for _ in range(3)] == [False, False, True]
    assert (fault.kind, fault.returns, fault.reboots) == ("standby", True, True)
    assert [(undo.kind, undo.host, undo.about) for undo in fault.undos] == [
        (POWER_ON, "storage01", ""),
        ("let-out", "storage02", "storage01"),
    ]


def test_every_victim_is_pinged_at_its_own_address(site):
    first, second = clients.pings(site, ("controller02", "compute01"))
    assert (first.name, second.name) == ("host controller02/ping", "host compute01/ping")
    assert (first.kind, first.options) == ("ping", {"host": str(site.cluster.node("controller02").management)})
    assert first.subject == ping_of("controller02")


def test_a_power_loss_of_a_host_without_a_power_device_is_refused(site_of):
    site = site_of("two-node")
    with pytest.raises(Refused, match="no power device"):
        Power(site).off(site.controllers.first)


def test_a_power_loss_of_all_hosts_is_refused(site):
    with pytest.raises(Refused, match="no host is left"):
        Power(site).off(*site.hosts.values())


def test_an_evacuation_is_a_power_loss_that_lasts_until_another_compute_runs_the_instance(site):
    fault = Evacuation(site).of(site.hosts["compute01"], ("an-id",))
    assert (fault.kind, fault.heals, fault.victims) == ("compute-loss", False, ("compute01",))
    assert [(undo.kind, undo.host) for undo in fault.undos] == [(POWER_ON, "compute01")]
    assert fault.effect_within > 60


REBOOTS = [(True, "", True), (False, "", False), (False, "before", False), (False, "another", True)]


@pytest.mark.parametrize(("is_silent", "boot", "confirmed"), REBOOTS)
def test_a_reboot_is_confirmed_by_silence_or_by_another_boot(site, monkeypatch, is_silent, boot, confirmed):
    boots = iter(["before", boot])

    def read(victim):
        identifier = next(boots)
        if not identifier:
            raise HostUnreachable(f"{victim.name}: no connection")
        return identifier

    monkeypatch.setattr(maintenance, "boot", read)
    monkeypatch.setattr(maintenance, "silent", lambda *_: is_silent)
    monkeypatch.setattr(Maintenance, "_running", lambda *_: {})
    assert Maintenance(site).restart(site.hosts["controller02"]).effect() is confirmed


@pytest.mark.parametrize(("ways", "chains"), [("both", {"input", "output"}), ("in", {"input"})])
def test_a_cut_drops_packets_of_other_nodes_and_never_of_the_runner(site, ways, chains):
    rules = Cut(site)._rules(site.hosts["controller01"], ways)
    peers = {str(address) for node in site.cluster.nodes[1:] for address in node.addresses.values()}
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", rules)) == peers
    assert set(re.findall(r"chain (\w+)", rules)) == chains
    assert rules.startswith(f"table inet {TABLE} ")
    assert "policy drop" not in rules


def test_the_return_of_a_storage_node_is_judged_though_nothing_fences_it(whole):
    fault = Power(whole).off(whole.hosts["storage02"])
    assert (fault.heals, fault.returns, fault.reboots) == (False, True, True)


def test_a_storage_node_is_cut_off_the_storage_network_alone(site_of):
    cluster = with_storage(with_networks_apart())
    victim = site_of(cluster).hosts["storage01"]
    fault = Cut(site_of(cluster)).storage(victim)
    told = []
    victim.check = lambda _, *, stdin, timeout: told.append((stdin, timeout))
    fault.inject()
    dropped = set(re.findall(r"\d+\.\d+\.\d+\.\d+", told[0][0]))
    assert dropped == {str(node.at("storage")) for node in cluster.nodes if node.name != "storage01"}
    assert (fault.kind, fault.returns, fault.undos) == ("isolated", True, (Undo("mend", "storage01"),))


def test_a_monitor_is_isolated_and_its_host_s_osds_are_not(whole, monkeypatch):
    victim, told = whole.hosts["storage01"], []
    victim.check = lambda _, *, stdin, timeout: told.append((stdin, timeout))
    fault = Cut(whole).monitor(victim)
    fault.inject()
    assert told[0][0].count(" tcp sport 3300 drop;") == told[0][0].count(" tcp dport 3300 drop;") == 2
    assert " } drop;" not in told[0][0]
    assert str(victim.node.at("storage")) not in re.split(r"[ ,]+", told[0][0])
    quorums = iter([(), ("storage01", "storage02"), ("storage02", "storage03")])
    monkeypatch.setattr(cut.ceph, "status", lambda _: ceph.CephStatus(quorum=next(quorums)))
    assert [fault.effect() for _ in range(3)] == [False, False, True]


def test_a_cut_is_undone_on_the_host_itself(site):
    (undo,) = Cut(site).off(site.hosts["controller01"]).undos
    assert (undo.kind, undo.host) == ("mend", "controller01")
    assert undo.script.startswith(f"nft delete table inet {TABLE}")


# -- scripts: run as they are, with a systemctl that only records its arguments --------------------------------------


@pytest.fixture
def sh(tmp_path):
    """Runs a script; returns the arguments of each call of systemctl."""
    calls, folder = tmp_path / "calls", tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {calls}\n')
    (folder / "systemctl").chmod(0o755)

    def run(script: str, *arguments: object) -> list[str]:
        calls.write_text("")
        environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
        command = ["sh", "-s", "--", *map(str, arguments)]
        subprocess.run(command, input=script, env=environment, text=True, check=True, capture_output=True)
        return calls.read_text().splitlines()

    return run


CONNECTION = "[database]\nconnection = mysql+pymysql://keystone:s3cr3t@10.0.0.1:3306/keystone?charset=utf8\n"


def test_a_wrong_password_is_undone_with_owner_and_mode(tmp_path, sh):
    path = tmp_path / "keystone.conf"
    path.write_text(CONNECTION + "[other]\nurl = http://a:b@c/\n")
    path.chmod(0o640)
    before = path.stat()
    assert sh(configuration._PASSWORD, path, "keystone") == ["restart keystone"]
    assert path.read_text() == CONNECTION.replace("s3cr3t", "not-the-password") + "[other]\nurl = http://a:b@c/\n"
    back = Undo("restore", "one", f"{path} keystone restart").script
    assert sh(back)[-1] == "restart keystone"
    after = path.stat()
    assert path.read_text().startswith(CONNECTION)
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert [entry.name for entry in tmp_path.glob("keystone*")] == ["keystone.conf"]
    assert sh(back) == []


def test_a_file_without_a_database_password_is_an_error(tmp_path, sh):
    path = tmp_path / "keystone.conf"
    path.write_text("[database]\nconnection = sqlite:///\n")
    with pytest.raises(subprocess.CalledProcessError):
        sh(configuration._PASSWORD, path, "keystone")


def test_an_invalid_haproxy_file_is_restored_also_after_an_interrupted_undo(tmp_path, sh):
    path = tmp_path / "haproxy.cfg"
    path.write_text("global\n")
    assert sh(configuration._NONSENSE, path, "reload", "haproxy") == ["reload haproxy"]
    assert path.read_text() == "global\n\nno-keyword-of-haproxy\n"
    path.write_text("global\n")  # restored, and then the runner died before it restarted the unit
    assert sh(Undo("restore", "one", f"{path} haproxy reload-or-restart").script)[-1] == "reload-or-restart haproxy"
    assert not (tmp_path / f"haproxy.cfg{COPY_SUFFIX}").exists()


def test_the_file_with_keystone_s_database_url_is_found(site):
    assert Configuration(site)._file_with_url(site.hosts["controller02"], "keystone") == "/etc/keystone/keystone.conf"


def test_the_undo_of_a_shifted_clock_leaves_no_file(tmp_path, sh, monkeypatch):
    here = {name: str(tmp_path / name) for name in ("ASIDE", "DROP_IN")}
    shift, back = clock._SHIFT, Undo("true-time", "one", "keystone").script
    for name, path in here.items():
        shift = shift.replace(getattr(undo, name).format("keystone"), path)
        back = back.replace(getattr(undo, name).format("keystone"), path)
    sh(shift, "keystone", here["DROP_IN"], "/lib/faketime.so", "-300s")
    assert "FAKETIME=-300s " in (tmp_path / "DROP_IN").read_text()
    compile((tmp_path / "ASIDE" / "sitecustomize.py").read_text(), "sitecustomize.py", "exec")
    assert "restart keystone" in sh(back)
    assert not list(tmp_path.glob("[AD]*"))
    assert sh(back) == []


# -- disks: only a bounded disk that is the host's own is filled -----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "gib", "why"),
    [
        ("ext4", 500, ""),
        ("xfs", 2048, ""),
        ("ext4", 4000, "larger than 2048 GiB"),
        ("nfs4", 500, "may be shared"),
        ("overlay", 20, "may be shared"),
        ("tmpfs", 4, "may be shared"),
    ],
)
def test_only_a_local_file_system_of_limited_size_is_filled(kind, gib, why):
    found = disk.unsafe(FileSystem("/", gib * 1024, 1024, kind), None)
    assert why in found
    assert bool(found) == bool(why)


def test_a_lab_host_s_disk_is_filled_only_where_it_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(disk.names, "STATE", tmp_path)
    bounded = FileSystem("/", 10 * 1024 - 77, 16, "overlay")
    assert disk.unsafe(bounded, Lab(disk_gib=10)) == ""
    assert "so it is the runner's" in disk.unsafe(bounded, Lab(disk_gib=9))
    assert "the runner's disk" in disk.unsafe(FileSystem("/", 10 * 1024, 2**50, "overlay"), Lab(disk_gib=10))


USED = ceph.CephStatus(health="HEALTH_OK", used=0.2)
WARNING = ceph.CephStatus(health="HEALTH_WARN", used=0.2, checks=(("POOL_NEARFULL", "2 pool(s) nearfull"),))


def test_ceph_warns_below_its_own_use_and_the_ratio_comes_back(whole, monkeypatch):
    victim, told, asked = whole.hosts["storage02"], iter([USED, USED, WARNING, WARNING, USED]), []
    victim.check = lambda *arguments, **_: asked.append(arguments)
    monkeypatch.setattr(disk.ceph, "status", lambda _: next(told))
    monkeypatch.setattr(disk.ceph, "nearly_full", lambda _: 0.85)
    fault = disk.Disk(whole).warn(victim)
    fault.inject()
    assert asked[0][-1] == "0.100000"
    assert [fault.effect(), fault.effect(), fault.gone(), fault.gone()] == [False, True, False, True]
    assert (fault.kind, fault.masked, fault.undos) == ("disk-full", True, (Undo("room", "storage02", "0.85"),))
    assert fault.undos[0].script.endswith(" osd set-nearfull-ratio 0.85")


@pytest.mark.parametrize(
    ("told", "why"), [(WARNING, "nearly full already"), (ceph.CephStatus(), "tells no use")], ids=["full", "silent"]
)
def test_pools_that_are_nearly_full_or_not_known_are_left_alone(whole, monkeypatch, told, why):
    monkeypatch.setattr(disk.ceph, "status", lambda _: told)
    with pytest.raises(Refused, match=why):
        disk.Disk(whole).warn(whole.hosts["storage01"])


class Answering:
    """A host that gives the same output for every command."""

    def __init__(self, text):
        self.check = lambda *_, **__: text


@pytest.mark.parametrize(
    ("pid", "start", "expected"), [("812", "a1", "a1"), ("812", "b2", "b2"), ("0", "a1", ""), ("0", "", "")]
)
def test_a_start_of_a_unit_is_identified_by_its_invocation_and_not_by_its_pid(pid, start, expected):
    assert process.invocation(Answering(f"MainPID={pid}\nInvocationID={start}\n"), "mariadb") == expected
