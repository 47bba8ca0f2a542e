"""Cinder's step and facts: the default type is created once, dead services and a missing type are findings."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from deploy import cloud
from deploy.facts import volumes
from deploy.making import ordinary
from deploy.steps import cinder as step
from suites.harness.clusters import choosing


def kind(name, **specs):
    return SimpleNamespace(name=name, extra_specs=specs)


@pytest.mark.parametrize(("there", "made"), [([kind("__DEFAULT__")], ["ceph"]), ([kind("ceph")], [])])
def test_the_default_type_is_created_once(site_of, monkeypatch, there, made):
    created = []
    storage = SimpleNamespace(types=lambda: there, create_type=lambda **how: created.append(how))
    session = SimpleNamespace(block_storage=storage)
    monkeypatch.setattr(ordinary, "complete", lambda *_: None)
    monkeypatch.setattr(cloud, "connect", lambda _: nullcontext(session))
    step.complete(site_of(choosing("lab", "ceph", "cinder")))
    assert created == [{"name": name, "extra_specs": {"volume_backend_name": "ceph"}} for name in made]


def test_a_service_is_named_without_its_back_end():
    one = SimpleNamespace(
        binary="cinder-volume", host="controller01.example.org@ceph", state="up", status="disabled", cluster=None
    )
    session = SimpleNamespace(block_storage=SimpleNamespace(services=lambda: [one]))
    assert volumes.services(session) == [volumes.VolumeService("cinder-volume", "controller01", up=True, enabled=False)]


@pytest.mark.parametrize(("out", "found"), [("taken\n", volumes.TAKEN), ("held\n", volumes.HELD), ("", "no answer")])
def test_a_lock_is_taken_or_held(out, found):
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=out))
    assert volumes.lock(host, "cinder", "one") == found


@pytest.mark.parametrize(
    ("out", "err", "found"),
    [("listed\n", "", ""), ("", "rbd: couldn't connect\n", "rbd: couldn't connect"), ("", "", "no answer in 10 s")],
)
def test_a_pool_is_listed_or_refused(out, err, found):
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=out, err=err))
    assert volumes.refused(host, "cinder", "cinder", "volumes") == found


def test_the_queue_of_a_host_has_the_back_end_in_its_name(site_of):
    catalogue = site_of(choosing("lab", "ceph", "cinder")).catalogue
    assert catalogue["cinder-volume"].queue("cinder-volume", "controller01") == "cinder-volume.controller01@ceph"
    assert catalogue["cinder-backup"].queue("cinder-backup", "controller01") == "cinder-backup.controller01"


def test_libvirt_and_cinder_name_one_secret_of_the_cluster(site_of):
    secrets = site_of("lab").secrets
    assert secrets.uuid("cinder") == secrets.uuid("cinder") != secrets.uuid("nova")
