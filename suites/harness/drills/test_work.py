"""Work of Cinder and Glance that a fault breaks off: asked for before the fault, deleted in the end, or in limbo."""

from functools import partial
from types import SimpleNamespace

import pytest

from deploy import inventory
from deploy.errors import StepFailed
from deploy.host import Host
from deploy.wait import until
from fixtures.cloud import Tenant
from fixtures.drills import actions, drill, work
from fixtures.drills.faults.power import Power
from suites.harness.clusters import with_storage


class Volume(SimpleNamespace):
    """A volume of Cinder."""


class Cinder:
    """Volumes by their identifiers, each with the statuses that it has one after the other; then it is gone."""

    def __init__(self, name, **statuses):
        self._name, self._statuses = name, statuses
        self.deleted, self.asked = [], []
        self.delete_volume = lambda each: self.deleted.append(each.id)
        self.delete_backup = self.delete_volume
        self.create_volume = lambda **fields: self.asked.append(("volume", fields["name"]))
        self.create_backup = lambda **fields: self.asked.append(("backup", fields["volume_id"]))

    def backups(self):
        return []

    def volumes(self):
        found = [Volume(id=each, name=self._name, status=left[0]) for each, left in self._statuses.items() if left]
        for left in self._statuses.values():
            del left[:1]
        return [*found, Volume(id="another's", name="stackproof-drill-x", status="available")]


class Image(SimpleNamespace):
    """An image of Glance; its upload is broken off after the first piece."""

    def upload(self, _, data):
        self.received.append(len(next(data)))
        raise ConnectionError


class Glance:
    """The images of one name, which are deleted in any status."""

    def __init__(self):
        self.kept, self.received = [], []

    def create_image(self, name, *, allow_duplicates=False, **_):
        assert allow_duplicates or not self.images(name)
        self.kept.append(Image(id=f"i{len(self.kept)}", name=name, status="saving", received=self.received))
        return self.kept[-1]

    def images(self, name):
        return [each for each in self.kept if each.name == name]

    def delete_image(self, each):
        self.kept.remove(each)


@pytest.fixture
def tenant(monkeypatch):
    """A tenant whose volumes have the given statuses; waiting takes no time."""
    waited = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(waited)), sleep=waited.append)
    monkeypatch.setattr(work, "until", partial(work.until, clock=clock))

    def make(**statuses):
        cinder = Cinder("stackproof-probe-t", **statuses)
        return Tenant(SimpleNamespace(block_storage=cinder, image=Glance()), "t"), cinder

    return make


def test_what_was_left_is_deleted_as_soon_as_it_can_be(tenant):
    here, cinder = tenant(v1=["creating", "creating", "error", "deleting"], v2=["available"])
    assert work.left(here) == ""
    assert cinder.deleted == ["v2", "v1"]
    work.emptied(here)


def test_a_volume_that_stays_as_it_is_is_in_limbo(tenant):
    here, cinder = tenant(v1=["creating"] * 1000)
    assert work.left(here) == "volume v1 is creating"
    assert cinder.deleted == []
    with pytest.raises(StepFailed, match="in limbo"):
        work.emptied(here)


def test_work_is_asked_for_and_then_the_fault_is_injected(site_of, tenant, monkeypatch):
    whole = site_of(with_storage(inventory.load("lab")))
    here, cinder = tenant()
    fault = Power(whole).off(whole.hosts["controller03"])
    monkeypatch.setattr(work.Work, "prepared", lambda tenant: work.Work(tenant, SimpleNamespace(id="source")))
    workload = SimpleNamespace(tenant=here, volume="one")
    amid = drill.amid_work(fault, workload)
    object.__setattr__(fault, "inject", lambda: cinder.asked.append("fault"))
    amid.inject()
    assert cinder.asked[-1] == "fault"
    assert sorted(cinder.asked[:-1]) == [("backup", "source"), *[("volume", "stackproof-probe-t")] * work.MOST]
    assert (amid.kind, amid.victim, "ask for a backup" in amid.description) == ("node-loss", "controller03", True)
    assert drill.amid_work(fault, None) is fault
    until(lambda: len(here.session.image.received) == work.MOST, timeout=5, what="uploads", expected="begun")
    assert work.left(here) == ""
    assert here.session.image.kept == []
    assert drill.amid_work(fault, SimpleNamespace(volume=None)) is fault


@pytest.mark.parametrize(("looks", "removed"), [(1, ["i1"]), (1000, [])])
def test_data_of_uploads_that_glance_left_is_removed_where_nothing_is_in_limbo(
    site_of, tenant, monkeypatch, looks, removed
):
    whole = site_of(with_storage(inventory.load("lab")))
    here, _ = tenant(v1=["creating"] * looks)
    for _ in range(2):
        here.session.image.create_image(here.name(work.WHAT), allow_duplicates=True)
    monkeypatch.setattr(actions.image, "pooled", lambda _: {"i1": -1, "another": 5})
    asked = []
    monkeypatch.setattr(Host, "check", lambda _, *words, **__: asked.append(words))
    made = actions.Actions(whole, here, "server", "image", "network")
    here.session.network = SimpleNamespace(ports=lambda **_: [], delete_port=None)
    assert bool(made.tidy()) == (not removed)
    assert [words[-1] for words in asked] == removed
