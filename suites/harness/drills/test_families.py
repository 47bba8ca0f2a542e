"""The families of faults: whom they hit, what they say they would do, and what they never touch."""

import os
import re
import subprocess

import pytest

from deploy.errors import HostUnreachable
from deploy.facts.disk import FileSystem
from deploy.inventory import Lab
from fixtures.drills.errors import Refused
from fixtures.drills.faults import clock, configuration, disk, maintenance, process, undo
from fixtures.drills.faults.configuration import Configuration
from fixtures.drills.faults.cut import Cut
from fixtures.drills.faults.maintenance import Maintenance
from fixtures.drills.faults.power import Power
from fixtures.drills.faults.undo import KEPT, POWER_ON, TABLE, Undo


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.mark.parametrize(
    ("victims", "kind", "heals"),
    [
        (["controller03"], "node-loss", True),
        (["compute01"], "compute-loss", False),
        (["controller02", "controller03"], "quorum-loss", False),
        (["controller01", "controller02", "controller03"], "cold-start", False),
    ],
)
def test_a_power_loss_is_of_the_class_of_what_is_left(site, victims, kind, heals):
    fault = Power(site).off(*(site.hosts[name] for name in victims))
    assert (fault.kind, fault.heals) == (kind, heals)
    assert [(undo.kind, undo.host) for undo in fault.undos] == [(POWER_ON, name) for name in victims]
    assert all(name in fault.told for name in victims)


def test_a_host_without_a_power_device_is_refused_before_anything_happens(site_of):
    site = site_of("two-node")
    with pytest.raises(Refused, match="no power device"):
        Power(site).off(site.controllers.first)


def test_the_power_of_all_is_not_cut_because_nobody_could_see_it(site):
    with pytest.raises(Refused, match="no host left"):
        Power(site).off(*site.hosts.values())


REBOOTS = [(True, "", True), (False, "", False), (False, "before", False), (False, "another", True)]


@pytest.mark.parametrize(("is_silent", "boot", "seen"), REBOOTS)
def test_a_reboot_is_seen_by_silence_or_by_another_boot(site, monkeypatch, is_silent, boot, seen):
    boots = iter(["before", boot])

    def asked(victim):
        told = next(boots)
        if not told:
            raise HostUnreachable(f"{victim.name}: no connection")
        return told

    monkeypatch.setattr(maintenance, "boot", asked)
    monkeypatch.setattr(maintenance, "silent", lambda *_: is_silent)
    monkeypatch.setattr(Maintenance, "_running", lambda *_: {})
    assert Maintenance(site).restart(site.hosts["controller02"]).effect() is seen


@pytest.mark.parametrize(("ways", "chains"), [("both", {"input", "output"}), ("in", {"input"})])
def test_only_other_nodes_are_cut_off_and_never_the_runner(site, ways, chains):
    rules = Cut(site)._rules(site.hosts["controller01"], ways)
    peers = {str(address) for node in site.cluster.nodes[1:] for address in node.addresses.values()}
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", rules)) == peers
    assert set(re.findall(r"chain (\w+)", rules)) == chains
    assert rules.startswith(f"table inet {TABLE} ")
    assert "policy drop" not in rules


def test_a_cut_is_mended_on_the_host_itself(site):
    (undo,) = Cut(site).off(site.hosts["controller01"]).undos
    assert (undo.kind, undo.host) == ("mend", "controller01")
    assert undo.script.startswith(f"nft delete table inet {TABLE}")


# -- scripts: run as they are, with a systemctl that only notes what it is told --------------------------------------


@pytest.fixture
def sh(tmp_path):
    """Runs a script; returns what it told systemctl."""
    told, folder = tmp_path / "told", tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {told}\n')
    (folder / "systemctl").chmod(0o755)

    def run(script: str, *arguments: object) -> list[str]:
        told.write_text("")
        environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
        command = ["sh", "-s", "--", *map(str, arguments)]
        subprocess.run(command, input=script, env=environment, text=True, check=True, capture_output=True)
        return told.read_text().splitlines()

    return run


CONNECTION = "[database]\nconnection = mysql+pymysql://keystone:s3cr3t@10.0.0.1:3306/keystone?charset=utf8\n"


def test_a_wrong_password_is_put_right_with_owner_and_mode(tmp_path, sh):
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


def test_a_file_without_a_password_is_no_place_for_a_wrong_one(tmp_path, sh):
    path = tmp_path / "keystone.conf"
    path.write_text("[database]\nconnection = sqlite:///\n")
    with pytest.raises(subprocess.CalledProcessError):
        sh(configuration._PASSWORD, path, "keystone")


def test_nonsense_is_put_right_by_the_copy_also_when_the_undo_was_interrupted(tmp_path, sh):
    path = tmp_path / "haproxy.cfg"
    path.write_text("global\n")
    assert sh(configuration._NONSENSE, path, "reload", "haproxy") == ["reload haproxy"]
    assert path.read_text() == "global\n\nno-keyword-of-haproxy\n"
    path.write_text("global\n")  # put back, and then the runner died before the unit was told
    assert sh(Undo("restore", "one", f"{path} haproxy reload-or-restart").script)[-1] == "reload-or-restart haproxy"
    assert not (tmp_path / f"haproxy.cfg{KEPT}").exists()


def test_keystone_s_way_to_its_database_is_found_in_what_is_rendered(site):
    assert Configuration(site)._connects(site.hosts["controller02"], "keystone") == "/etc/keystone/keystone.conf"


def test_a_shifted_clock_leaves_nothing_behind(tmp_path, sh, monkeypatch):
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


# -- disks: only one that is bounded and the host's own is filled ----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "gib", "why"),
    [
        ("ext4", 500, ""),
        ("xfs", 2048, ""),
        ("ext4", 4000, "larger than 2048 GiB"),
        ("nfs4", 500, "may be others'"),
        ("overlay", 20, "may be others'"),
        ("tmpfs", 4, "may be others'"),
    ],
)
def test_a_machine_s_own_disk_is_filled_and_no_other(kind, gib, why):
    found = disk.unsafe(FileSystem("/", gib * 1024, 1024, kind), None)
    assert why in found
    assert bool(found) == bool(why)


def test_a_lab_host_s_disk_is_filled_only_where_it_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(disk.names, "STATE", tmp_path)
    bounded = FileSystem("/", 10 * 1024 - 77, 16, "overlay")
    assert disk.unsafe(bounded, Lab(disk_gib=10)) == ""
    assert "so it is the runner's" in disk.unsafe(bounded, Lab(disk_gib=9))
    assert "the runner's disk" in disk.unsafe(FileSystem("/", 10 * 1024, 2**50, "overlay"), Lab(disk_gib=10))


class Told:
    """A host that says one thing, whatever it is asked."""

    def __init__(self, text):
        self.check = lambda *_, **__: text


@pytest.mark.parametrize(
    ("pid", "start", "seen"), [("812", "a1", "a1"), ("812", "b2", "b2"), ("0", "a1", ""), ("0", "", "")]
)
def test_a_start_of_a_unit_is_not_told_by_the_number_of_its_process(pid, start, seen):
    assert process.invocation(Told(f"MainPID={pid}\nInvocationID={start}\n"), "mariadb") == seen
