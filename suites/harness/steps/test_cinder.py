"""Cinder's step and facts: types, limits and quotas are set once; what differs, and dead services, are findings."""

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import requests

from deploy import cloud, inventory
from deploy.facts import volumes
from deploy.inventory.model import Quotas, VolumeType
from deploy.making import amiss as findings
from deploy.making import ordinary
from deploy.snapshot import Snapshot
from deploy.steps import cinder as step
from suites.harness.clusters import choosing


class Cinder:
    """Cinder's API: volume types, their QoS specs and the default quotas, by the paths of its requests."""

    def __init__(self, types=(), specs=(), quotas=()):
        self.kinds = {name: {"id": f"id-{name}", "name": name, "qos_specs_id": None} for name in types}
        self.specs = {name: {"id": f"qos-{name}", "name": name, **dict(values)} for name, values in dict(specs).items()}
        self.quotas, self.changes = dict(quotas), []

    @property
    def block_storage(self):
        return self

    def types(self):
        return [SimpleNamespace(name=name, extra_specs={}) for name in self.kinds]

    def create_type(self, name, extra_specs):
        self.changes.append(f"type {name} of {extra_specs['volume_backend_name']}")
        self.kinds[name] = {"id": f"id-{name}", "name": name, "qos_specs_id": None}

    def get(self, path):
        if match := re.fullmatch(r"/qos-specs/(.+)/(associate|disassociate)\?vol_type_id=(.+)", path):
            own, action, kind = match.groups()
            (found,) = (each for each in self.kinds.values() if each["id"] == kind)
            assert found["qos_specs_id"] == (None if action == "associate" else own), "Cinder answers with 400"
            self.changes.append(f"{action} {own}")
            found["qos_specs_id"] = own if action == "associate" else None
            return answer(None)
        return answer({
            "/qos-specs": {"qos_specs": list(self.specs.values())},
            "/types?is_public=None": {"volume_types": list(self.kinds.values())},
            "/os-quota-class-sets/default": {"quota_class_set": {"id": "default", **self.quotas}},
        }[path])  # fmt: skip

    def post(self, path, json):
        assert path == "/qos-specs"
        name, consumer, specs = (given := dict(json["qos_specs"])).pop("name"), given.pop("consumer"), given
        self.changes.append(f"specs {name}")
        self.specs[name] = {"id": f"qos-{name}", "name": name, "consumer": consumer, "specs": specs}
        return answer({"qos_specs": self.specs[name]})

    def put(self, path, json):
        self.changes.append(f"{path} {json}")
        if path == "/os-quota-class-sets/default":
            self.quotas |= json["quota_class_set"]
            return answer(json)
        own = next(each for each in self.specs.values() if path.startswith(f"/qos-specs/{each['id']}"))
        if path.endswith("/delete_keys"):
            own["specs"] = {name: value for name, value in own["specs"].items() if name not in json["keys"]}
            return answer(None)
        given = dict(json["qos_specs"])
        own["consumer"] = given.pop("consumer", own["consumer"])
        own["specs"] = own["specs"] | given
        return answer(json)


def answer(content):
    found = requests.Response()
    found.status_code, found._content = 202, b"" if content is None else json.dumps(content).encode()
    return found


LIMITS = {"consumer": "front-end", "specs": {"total_iops_sec": "500"}}
LIMITED = replace(
    choosing("lab", "ceph", "cinder"),
    cinder=inventory.Cinder(types={"slow": VolumeType(total_iops_sec=500)}, quotas=Quotas(volumes=20, backups=-1)),
)
PLAIN = replace(LIMITED, cinder=inventory.Cinder())


@pytest.fixture
def built(site_of, monkeypatch):
    """Complete the step against a Cinder, and return what it changed."""

    def build(cluster, cinder):
        monkeypatch.setattr(ordinary, "complete", lambda *_: None)
        monkeypatch.setattr(cloud, "connect", lambda _: nullcontext(cinder))
        cinder.changes.clear()
        step.complete(site_of(cluster))
        return list(cinder.changes)

    return build


@pytest.mark.parametrize(("there", "made"), [(["__DEFAULT__"], ["type ceph of ceph"]), (["ceph"], [])])
def test_the_default_type_is_created_once_and_nothing_else_without_limits_and_quotas(built, there, made):
    assert built(PLAIN, Cinder(there)) == made


@pytest.mark.parametrize(
    "specs",
    [
        pytest.param({}, id="none"),
        pytest.param({"slow": LIMITS}, id="associated with no type"),
        pytest.param({"slow": {**LIMITS, "specs": {"total_iops_sec": "1"}}}, id="another limit"),
        pytest.param({"slow": {**LIMITS, "specs": {"total_iops_sec": "500", "read_iops_sec": "1"}}}, id="one more"),
        pytest.param({"slow": {**LIMITS, "consumer": "back-end"}}, id="another consumer"),
    ],
)
def test_types_and_quotas_become_those_of_the_inventory_and_stay(built, specs):
    cinder = Cinder(["ceph"], specs, {"volumes": 10, "backups": -1, "gigabytes": 7})
    assert built(LIMITED, cinder)
    assert volumes.limits(cinder) == {"ceph": {}, "slow": {"consumer": "front-end", "total_iops_sec": "500"}}
    assert volumes.quotas(cinder) == {"volumes": 20, "backups": -1, "gigabytes": 7}
    assert built(LIMITED, cinder) == []


def test_a_type_with_the_specs_of_somebody_gets_its_own(built):
    cinder = Cinder(["ceph", "slow"], {"by-hand": LIMITS, "slow": LIMITS}, {"volumes": 20, "backups": -1})
    cinder.kinds["slow"]["qos_specs_id"] = "qos-by-hand"
    cinder.specs["by-hand"]["specs"] = {"total_bytes_sec": "1"}
    assert built(LIMITED, cinder) == ["disassociate qos-by-hand", "associate qos-slow"]
    assert cinder.specs["by-hand"]["specs"] == {"total_bytes_sec": "1"}


def test_other_types_limits_and_quotas_are_findings(site_of, monkeypatch):
    monkeypatch.setattr(findings, "ordinary", lambda *_: ())
    monkeypatch.setattr(cloud, "connect", lambda _: nullcontext(cinder))
    site, cinder = site_of(LIMITED), Cinder(["slow"], {}, {"volumes": 10, "backups": -1})
    with Snapshot(site) as now:
        assert [each.what for each in step.amiss(now)] == [
            "Cinder lacks the volume type ceph",
            "the volume type slow has other limits than in the inventory",
            "Cinder's default quotas differ from the inventory's: volumes",
        ]


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
