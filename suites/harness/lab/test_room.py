"""The lab's refusals, memory and disk estimates, image names, commands and clean-up."""

import dataclasses
import shutil
import subprocess
import sys
from contextlib import nullcontext

import pytest

from deploy import catalogue, paths
from deploy.errors import LabError, StageMissing
from deploy.inventory import Lab, load
from deploy.lab import (
    claim,
    cli,
    container,
    doors,
    groups,
    image,
    lock,
    mounts,
    names,
    nat,
    network,
    power,
    prepare,
    recipe,
    refusals,
    room,
    sources,
)
from suites.harness.clusters import bare

LAB, SMALL, TWO = load("lab"), load("lab-small"), load("two-node")


def test_built_in_inventories_are_lab_inventories():
    for cluster in (LAB, SMALL, TWO):
        refusals.unsuitable(cluster)


def test_inventory_without_a_lab_table_is_refused():
    with pytest.raises(LabError, match="not lab hosts"):
        refusals.unsuitable(dataclasses.replace(LAB, lab=None))


def test_inventory_with_another_ssh_key_is_refused():
    with pytest.raises(LabError, match=r"ssh\.key"):
        refusals.unsuitable(dataclasses.replace(LAB, ssh=dataclasses.replace(LAB.ssh, key=None)))


def test_second_lab_is_refused():
    with pytest.raises(LabError, match="another lab is up: lab with controller01"):
        refusals.occupied(TWO, LAB)
    with pytest.raises(LabError, match="another lab is up: lab with controller01"):
        refusals.occupied(SMALL, LAB)
    with pytest.raises(LabError, match="another lab is up: lab-small with controller01"):
        refusals.occupied(LAB, SMALL)


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(
            LAB, nodes=(dataclasses.replace(LAB.nodes[0], addresses=LAB.nodes[1].addresses), *LAB.nodes[1:])
        ),
        dataclasses.replace(LAB, lab=Lab(disk_gib=11)),
        dataclasses.replace(LAB, networks={"management": LAB.management}),
    ],
)
def test_change_of_a_running_lab_is_refused(changed):
    with pytest.raises(LabError, match="another lab"):
        refusals.occupied(changed, LAB)


@pytest.mark.parametrize("running", [True, False])
def test_host_that_the_inventory_leaves_out_is_given_up_where_it_is_off(monkeypatch, running):
    monkeypatch.setattr(power, "is_on", lambda _: running)
    fewer = dataclasses.replace(LAB, nodes=LAB.nodes[:-1])
    with pytest.raises(LabError, match="they run: storage03") if running else nullcontext():
        refusals.occupied(fewer, LAB)


def test_running_lab_may_get_more_nodes():
    refusals.occupied(LAB, dataclasses.replace(LAB, nodes=LAB.nodes[:-1]))


@pytest.mark.parametrize(("cluster", "memory"), [(LAB, 18.3), (SMALL, 12.1), (TWO, 4.7)], ids=["all", "small", "two"])
def test_memory_that_a_lab_needs(cluster, memory):
    needed = prepare.memory_needed(list(cluster.nodes), prepare.need(cluster, build=True))
    assert needed == pytest.approx(memory, abs=0.5)


@pytest.mark.parametrize(("count", "memory", "disk"), [(3, 0.1, 0.3), (9, 0.25, 0.9), (40, 1.0, 4.0)])
def test_bare_hosts_need_little_until_something_is_built_on_them(count, memory, disk):
    cluster = bare(count)
    nodes, idle = list(cluster.nodes), prepare.need(cluster, build=False)
    assert prepare.memory_needed(nodes, idle) == pytest.approx(memory, abs=0.03)
    assert prepare.disk_needed(nodes, idle) == pytest.approx(disk)
    built = prepare.need(cluster, build=True)
    assert prepare.memory_needed(nodes, built) == pytest.approx(count * 2.0)
    assert prepare.disk_needed(nodes, built) == count * 2


@pytest.mark.parametrize("build", [True, False])
def test_full_image_includes_the_needs_of_its_services(build):
    assert prepare.need(SMALL, build=build) is prepare.SERVING
    assert prepare.need(LAB, build=build) is prepare.STORING


def test_every_role_with_services_has_an_estimate():
    everywhere = {"controller", "network", "compute", "storage"}
    services = catalogue.load().of(LAB).services
    roles = {role for service in services if set(service.roles) != everywhere for role in service.roles}
    assert roles <= set(prepare.STORING.roles)


def test_role_without_services_adds_nothing():
    storage = dataclasses.replace(LAB.nodes[0], roles=("storage",))
    assert prepare.memory_needed([storage], prepare.SERVING) == prepare.SERVING.host


def test_all_missing_requirements_are_in_one_error(monkeypatch):
    monkeypatch.setattr(prepare, "install_tools", lambda: None)
    monkeypatch.setattr(prepare, "memory_needed", lambda *_: 1e6)
    monkeypatch.setattr(prepare, "disk_needed", lambda *_: 1e6)
    monkeypatch.setattr(prepare.trials, "failures", lambda: ["vxlan: not supported"])
    with pytest.raises(LabError) as caught:
        prepare.ready(list(LAB.nodes), prepare.SERVING)
    assert all(word in caught.value.what for word in ("memory:", "disk:", "vxlan:"))


def test_no_kernel_module_is_tried_where_no_host_is_missing(monkeypatch):
    monkeypatch.setattr(prepare.trials, "failures", lambda: pytest.fail("tried the kernel"))
    prepare.ready([], prepare.SERVING)


def test_second_run_gets_the_first_runs_process_in_the_error(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "LOCK", tmp_path / "lock")
    first = """
import sys
from pathlib import Path
from deploy.lab import lock, names
names.LOCK = Path(sys.argv[1])
with lock.room():
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", first, str(names.LOCK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LabError, match=f"process {other.pid} holds"), lock.room():
            pass
        other.stdin.close()
        other.wait(timeout=10)
    with lock.room():
        pass
    assert not list(tmp_path.glob("*.pid"))


def test_image_name_depends_on_its_inputs(monkeypatch):
    origin = sources.Sources(("deb http://m/ bookworm main",), (), ())
    first = image.fingerprint(("a", "b"), origin)
    assert first == image.fingerprint(("a", "b"), origin)
    assert first != image.fingerprint(("a",), origin)
    assert first != image.fingerprint(("a", "b"), dataclasses.replace(origin, lines=("deb http://n/ bookworm main",)))
    monkeypatch.setattr(recipe, "FILES", {**recipe.FILES, "etc/motd": ""})
    assert first != image.fingerprint(("a", "b"), origin)


def test_older_images_are_removed_unless_a_host_uses_them(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(names, "HOSTS", tmp_path / "hosts")
    old, used, new, bare = (
        names.CACHE / name for name in ("image-full-1", "image-full-2", "image-full-3", "image-bare-1")
    )
    for place in (old, used, new, bare):
        (place / "root").mkdir(parents=True)
    names.home("controller01").mkdir(parents=True)
    (names.home("controller01") / "image").symlink_to(used / "root")
    image.prune(new)
    assert [place.exists() for place in (old, used, new, bare)] == [False, True, True, True]


def test_only_hosts_of_a_bare_image_get_nat():
    rules = nat.rules(LAB)
    assert "ip saddr 172.16.181.0/24 ip daddr != 172.16.181.0/24" in rules
    assert 'iifname "sp-mgmt" accept' in rules


def test_the_lab_opens_redfish_on_the_runner_and_nothing_else():
    rules = doors.rules(LAB)
    assert 'iifname { "sp-mgmt", "sp-prov" } jump lab' in rules
    opened = 'iifname "sp-mgmt" ip saddr { 172.16.181.31, 172.16.181.32, 172.16.181.33 } tcp dport 8443 accept'
    lines = [line.strip() for line in rules.splitlines()]
    assert [line for line in lines if "accept" in line] == [opened]
    assert lines.index(opened) < lines.index("tcp flags & (syn | ack) == syn drop")


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is missing: install nftables")
def test_the_rules_of_the_runner_can_be_loaded():
    without = dataclasses.replace(LAB, nodes=tuple(dataclasses.replace(node, power=None) for node in LAB.nodes))
    for cluster in (LAB, without):
        loaded = subprocess.run(
            ["nft", "--check", "-f", "-"], input=doors.rules(cluster), capture_output=True, text=True, check=False
        )
        assert "syntax error" not in loaded.stderr


def test_only_computes_get_the_runners_kvm(monkeypatch):
    monkeypatch.setattr(container.Path, "exists", lambda _: True)
    given = {node.name: "--bind=/dev/kvm" in container.arguments(node) for node in LAB.nodes}
    assert given == {node.name: "compute" in node.roles for node in LAB.nodes}


def test_runner_takes_the_gateways_address_or_the_first():
    assert str(network.runner_address(LAB.management)) == "172.16.181.1"
    assert str(network.runner_address(dataclasses.replace(LAB.provider, gateway=None))) == "10.181.0.1"


def test_hosts_set_no_sysctl_of_the_whole_kernel():
    assert "50-pid-max.conf" in recipe.NO_SYSCTL


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["flop"], 2), (["power", "on"], 2), (["power", "melt", "x"], 2), (["--help"], 0), (["up", "--help"], 0)],
)
def test_wrong_usage_has_another_exit_code_than_errors(arguments, code, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == code
    assert "usage:" in "".join(capsys.readouterr())


@pytest.mark.parametrize("arguments", [["status"], ["shell", "x"], ["power", "off", "x"]])
def test_command_without_a_lab_gives_one_error(arguments, monkeypatch, capsys):
    monkeypatch.setattr(room, "current", lambda: None)
    monkeypatch.setattr(prepare, "require_root", lambda: None)
    assert cli.main(arguments) == 1
    assert "no lab is up" in capsys.readouterr().err


def test_command_without_root_gives_one_error(monkeypatch, capsys):
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 1000)
    assert cli.main(["status"]) == 1
    assert "needs root" in capsys.readouterr().err


def test_purge_removes_the_labs_images_only(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "CACHE", tmp_path)
    monkeypatch.setattr(image, "BUILD_LOG", tmp_path / "build.log")
    for name in ("image-full-1/root", "image-bare-2/root", "guest-3", "work"):
        (tmp_path / name).mkdir(parents=True)
    image.purge()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guest-3", "work"]


def test_image_in_use_is_not_purged(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "CACHE", tmp_path)
    (tmp_path / "image-full-1").mkdir()
    (tmp_path / "image-full-2").mkdir()
    monkeypatch.setattr(mounts, "in_use", lambda path: path.name == "image-full-2")
    with pytest.raises(LabError, match="is in use"):
        image.purge()
    assert len(list(tmp_path.iterdir())) == 2


def test_foreign_mount_on_a_lab_directory_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "below", lambda top: [(top, "rw")])
    monkeypatch.setattr(mounts, "run", lambda *_, **__: pytest.fail("removed something"))
    monkeypatch.setattr(mounts, "unmount_below", lambda _: pytest.fail("unmounted something"))
    with pytest.raises(LabError, match="is a mount point"):
        mounts.remove_tree(tmp_path)


def test_drill_records_of_the_lab_are_removed_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(claim, "current", lambda: LAB)
    ours, others = (paths.drills(name) for name in ("lab", "production"))
    for folder in (ours, others):
        folder.mkdir(parents=True)
        for name in ("abc123.session", "17.json", "lock"):
            (folder / name).touch()
    room._forget_drills()
    assert {path.name for path in ours.iterdir()} == {"lock"}
    assert len(list(others.iterdir())) == 3


@pytest.mark.parametrize(("made", "part"), [(False, 1), (True, groups.BOOTING)])
def test_only_a_host_with_services_boots_with_a_smaller_share(monkeypatch, tmp_path, made, part):
    shares = []
    monkeypatch.setattr(room, "_is_made", lambda _: made)
    monkeypatch.setattr(room, "_make", lambda *_: None)
    monkeypatch.setattr(power, "is_on", lambda _: False)
    monkeypatch.setattr(power, "power_on", lambda *_, booting=groups.BOOTING: shares.append(booting))
    room._bring_up(LAB, LAB.nodes[0], tmp_path)
    assert shares == [part]


@pytest.mark.parametrize(("standing", "seen"), [(None, ""), (TWO, "the lab two-node is up")])
def test_missing_lab_error_names_the_running_lab(monkeypatch, standing, seen):
    monkeypatch.setattr(claim, "current", lambda: standing)
    with pytest.raises(StageMissing, match="the lab lab is not up") as error:
        claim.require(LAB)
    assert error.value.seen == seen


def test_lab_with_other_hosts_is_refused_by_a_run_that_only_reads(monkeypatch):
    fewer = dataclasses.replace(LAB, nodes=LAB.nodes[:-1])
    monkeypatch.setattr(claim, "current", lambda: fewer)
    claim.require(fewer)
    with pytest.raises(StageMissing, match="the lab lab is up without storage03"):
        claim.require(LAB)
    monkeypatch.setattr(claim, "current", lambda: LAB)
    with pytest.raises(StageMissing, match="the lab lab is up with other hosts: storage03"):
        claim.require(fewer)


def test_cluster_of_real_machines_needs_no_lab(monkeypatch):
    monkeypatch.setattr(claim, "current", lambda: None)
    claim.require(load("production.example"))
