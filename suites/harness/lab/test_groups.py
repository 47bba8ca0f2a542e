"""Control groups of the lab: equal CPU shares, real-time limits, and members that are listed while groups change."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.errors import LabError
from deploy.inventory import Cluster, load
from deploy.lab import groups
from deploy.wait import until
from suites.harness.clusters import bare, with_controllers


@pytest.fixture
def group():
    """The name of a group that belongs to no host; removed afterwards."""
    try:
        may = os.access(groups.mount_point(), os.W_OK)
    except LabError as error:
        pytest.skip(f"{error.what}: {error.hint}")
    if not may:
        pytest.skip(f"{groups.mount_point()} is read-only for this account: run it as root, and not in a container")
    yield "_harness"
    groups.kill("_harness")
    for place in groups._places():
        with suppress(OSError):  # a running lab has its own groups there
            place.rmdir()


def test_process_is_in_its_group_in_every_hierarchy(group):
    lines = subprocess.check_output(groups.inside(group, ["cat", "/proc/self/cgroup"]), text=True)
    found = {names: place for _, names, place in (line.split(":", 2) for line in lines.splitlines())}
    assert found[""].endswith("/stackproof/_harness")
    if groups._beside() is not None:
        assert next(place for names, place in found.items() if "cpu" in names.split(",")).endswith(
            "/stackproof/_harness"
        )


def test_groups_have_equal_cpu_shares(group):
    groups.inside(group, ["true"])
    shares = groups._beside()
    if shares is not None:
        for place in (shares, shares / group):
            assert (place / "cpu.shares").read_text().strip() == "1024"
    else:
        weight = groups.parent() / group / "cpu.weight"
        if not weight.exists():
            pytest.skip("no hierarchy shares out processors here: enable `cpu` in the root's cgroup.subtree_control")
        assert weight.read_text().strip() == "100"


def test_group_may_have_real_time_processes(group):
    subprocess.run(groups.inside(group, ["chrt", "--rr", "99", "true"], real_time=groups.REAL_TIME // 10), check=True)


def test_group_is_made_again_while_the_kernel_counts_the_removed_one(group):
    for _ in range(20):
        groups.inside(group, ["true"])
        groups.kill(group)
    for place in groups._places(group):
        assert not place.exists()


def test_removal_kills_the_groups_processes(group):
    process = subprocess.Popen(groups.inside(group, ["sleep", "60"]))
    until(lambda: process.pid in groups.members(group), timeout=10, interval=0.05, what="the process", expected="in it")
    groups.kill(group)
    assert process.wait(timeout=10) == -signal.SIGKILL
    assert not [place for place in groups._places(group) if place.exists()]


def test_group_that_disappears_during_the_walk_is_skipped(tmp_path, monkeypatch):
    for place, pids in (("controller01", "1\n"), ("controller01/a", "2\n"), ("controller01/b", "3\n")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "cgroup.procs").write_text(pids)
    monkeypatch.setattr(groups, "parent", lambda: tmp_path)
    assert sorted(groups.members("controller01")) == [1, 2, 3]
    read = Path.read_text

    def read_and_lose(path: Path) -> str:
        """Remove the other inner group after the first was read, when the walk has already listed it."""
        text = read(path)
        other = {"a": "b", "b": "a"}.get(path.parent.name)
        if other:
            shutil.rmtree(tmp_path / "controller01" / other, ignore_errors=True)
        return text

    monkeypatch.setattr(Path, "read_text", read_and_lose)
    assert sorted(groups.members("controller01")) in ([1, 2], [1, 3])


def test_host_without_power_has_no_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "parent", lambda: tmp_path)
    assert groups.members("controller01") == []


TWO = load("two-node")
SHARES = {
    "three controllers of eight hosts": (with_controllers(3), [100_000] * 3),
    "nine controllers": (with_controllers(9), [100_000] * 9),
    "forty controllers": (with_controllers(40), [22_500] * 40),
    "one controller, which runs no Corosync": (TWO, []),
    "forty bare hosts without a controller": (bare(40), []),
}


@pytest.mark.parametrize(("cluster", "shares"), SHARES.values(), ids=SHARES)
def test_only_hosts_with_corosync_share_the_real_time(cluster: Cluster, shares: list[int]):
    given = {node.name: groups.real_time(cluster, node) for node in cluster.nodes}
    assert [share for share in given.values() if share] == shares
    assert {name for name, share in given.items() if share} <= {node.name for node in cluster.role("controller")}
    assert sum(given.values()) <= groups.ALL
