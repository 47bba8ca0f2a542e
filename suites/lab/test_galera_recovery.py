"""All Galera members are stopped: a build refuses to choose the first to start, and names the recovery command."""

import subprocess
import sys

import pytest

from deploy.facts import galera
from deploy.wait import until

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

RECOVERY = 300
"""Seconds the recovery may take: it reads the members' positions, starts one member, and the others join."""


@pytest.fixture(scope="module")
def stopped(site, content, machine_room):
    for name in site.members("galera"):
        machine_room.stop(name, "mariadb")
    return list(site.members("galera"))


@pytest.fixture(scope="module")
def recovered(pytestconfig, site, stopped):
    command = [sys.executable, "-m", "deploy", "recover", "galera", f"--inventory={site.cluster.source}"]
    return subprocess.run(
        command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=RECOVERY, check=False
    )


def test_a_build_refuses_and_names_the_command(deployment, stopped):
    assert "python -m deploy recover galera" in deployment.refusal("galera")


def test_the_recovery_starts_from_the_newest_data(recovered, stopped):
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert f"from the data of {stopped[-1]}" in recovered.stdout


def test_every_member_is_synced(site, recovered):
    for host in site.members("galera").values():
        until(
            lambda host=host: galera.status(host),
            ready=lambda status: status.synced and status.size == len(site.members("galera")),
            timeout=30,
            what=host.name,
            expected="Synced in a cluster of all members",
        )


def test_a_second_recovery_finds_nothing_to_do(pytestconfig, recovered):
    command = recovered.args
    again = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, "nothing to recover" in again.stderr) == (1, True)


def test_the_cluster_is_whole_again(deployment, recovered):
    assert deployment.missing() == {}
