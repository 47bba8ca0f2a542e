"""A site: power passwords are read from their files, and the cluster is reached without a proxy."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from requests.utils import get_environ_proxies

from deploy import inventory
from deploy.errors import InventoryError
from deploy.inventory import Cluster
from deploy.journal import JOURNAL
from deploy.masking import MASK
from deploy.site import Site


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def password(tmp_path) -> Path:
    path = tmp_path / "password"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def cluster(password) -> Cluster:
    """The lab, with power devices whose password file is `password`."""
    lab = inventory.load("lab")
    nodes = (replace(node, power=replace(node.power, password_file=password)) for node in lab.nodes)
    return replace(lab, nodes=tuple(nodes))


def test_power_password_is_read_without_its_line_break(cluster):
    assert Site.of(cluster).secrets["power.controller02"] == "hunter2"


def test_journal_masks_the_sites_secrets(cluster, events):
    Site.of(cluster)
    JOURNAL.emit("note", "logging in with hunter2")
    assert events[0].text == f"logging in with {MASK}"


def test_creating_a_site_neither_writes_nor_connects(cluster, tmp_path):
    site = Site.of(cluster)
    assert not (tmp_path / "state").exists()
    assert [host.round_trips for host in site.hosts.values()] == [0] * 8


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_environments_proxy_is_bypassed_for_the_cluster_only(cluster, monkeypatch, name):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv(name, "mirror.example.org")
    Site.of(cluster)
    Site.of(cluster)
    asked = ("172.16.181.30", "172.16.181.11", "10.181.0.149", "mirror.example.org", "example.org")
    assert [host for host in asked if get_environ_proxies(f"http://{host}:5000/v3")] == ["example.org"]
    assert os.environ["no_proxy"].count("172.16.181.30") == 1


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"\n", "the file is empty"), (b"\xff\xfe", "the file is not text")]
)
def test_unreadable_power_password_is_reported_with_key_and_file(cluster, password, content, reason):
    if content is None:
        password.unlink()
    else:
        password.write_bytes(content)
    with pytest.raises(InventoryError, match=r"nodes\.controller01\.power\.password_file: ") as caught:
        Site.of(cluster)
    assert reason in caught.value.what
    assert str(password) in caught.value.what
    assert "remove `power`" in caught.value.hint


def test_service_on_a_node_is_found_by_its_step(cluster):
    site = Site.of(cluster)
    names = [service.name for service in site.services("nova", cluster.node("controller01"))]
    assert names == ["nova-api", "nova-metadata", "nova-conductor", "nova-scheduler", "nova-novncproxy"]
    assert site.services("nova", cluster.node("compute01")) == ()


def test_pacemaker_starts_units_only_in_a_cluster_with_a_vip(cluster):
    lab, single = Site.of(cluster), Site.of(inventory.load("two-node"))
    assert lab.catalogue["keystone"].by_pacemaker
    assert not lab.catalogue["galera"].by_pacemaker
    assert not single.catalogue["keystone"].by_pacemaker
