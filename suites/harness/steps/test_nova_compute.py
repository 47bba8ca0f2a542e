"""The step of computes in a cluster with Ceph: no disk is left behind, and libvirt gets each key once."""

import pytest

from deploy.errors import StepFailed
from deploy.facts import libvirt_secrets
from deploy.host import Host
from deploy.steps import nova_compute as step
from suites.harness.clusters import choosing

UUID = "3c2f9a2e-7a53-4a71-b8a5-0f6f5a3a7a01"


@pytest.fixture
def site(site_of):
    return site_of(choosing("lab", "nova-compute", "ceph"))


def test_instances_with_disks_on_a_compute_are_named_and_nothing_is_changed(site, monkeypatch):
    there = {"compute02": f"/var/lib/nova/instances/{UUID}/disk\n"}
    monkeypatch.setattr(Host, "check", lambda host, _: there.get(host.name, ""))
    with pytest.raises(StepFailed, match=f"compute02: {UUID}"):
        step._without_local_disks(site.members("nova-compute"))
    there.clear()
    step._without_local_disks(site.members("nova-compute"))


def test_libvirt_gets_the_keys_that_it_lacks(site, monkeypatch):
    given = []
    host = site.members("nova-compute").first
    monkeypatch.setattr(libvirt_secrets, "read", lambda *_: {"nova": "same", "cinder": "none"})
    monkeypatch.setattr(Host, "change", lambda _, what, script: given.append((what, script)))
    step._give(host, {"nova": UUID, "cinder": UUID})
    assert [what for what, _ in given] == ["gave libvirt the key of client.cinder"]
    assert f"secret-set-value {UUID} --file {libvirt_secrets.FOLDER}/cinder.key" in given[0][1]


def test_no_key_is_in_a_command(site):
    clients = libvirt_secrets.clients(site.catalogue, site.secrets)
    assert clients == {"nova": site.secrets.uuid("nova")}
    assert site.secrets.cephx("ceph.nova") not in str(clients)
