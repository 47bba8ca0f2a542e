"""The workload: drills wait for the neighbour's boot, which uses a CPU, and go on if it does not end."""

from functools import partial
from types import SimpleNamespace

import pytest

from deploy import inventory
from deploy.errors import Interrupted, StepFailed
from deploy.journal import JOURNAL
from fixtures.cloud import Tenant
from fixtures.drills import volume, workload
from fixtures.drills.errors import Refused
from fixtures.drills.who import Who
from fixtures.drills.workload import Workload
from fixtures.volumes import remove
from suites.harness.clusters import with_storage

FOUND = workload._volume


@pytest.fixture(autouse=True)
def no_actions(monkeypatch):
    monkeypatch.setattr(workload.Actions, "prepared", lambda *_: None)
    monkeypatch.setattr(workload, "_volume", lambda *_: None)


SERVER, ADDRESS = SimpleNamespace(id="second"), "192.168.77.9"


def console(*texts: str):
    """A session in which each reading of the console returns the next text."""
    written = iter(texts)
    compute = SimpleNamespace(get_server_console_output=lambda _: {"output": next(written)})
    return SimpleNamespace(session=SimpleNamespace(compute=compute))


@pytest.mark.parametrize("prompt", ["cirros login: ", "\nneighbour.novalocal: log in as cirros, by SSH key\n"])
def test_the_wait_ends_with_a_login_prompt_on_the_console(monkeypatch, prompt):
    waited = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(waited)), sleep=waited.append)
    monkeypatch.setattr(workload, "until", partial(workload.until, clock=clock))
    tenant = console("", "Starting User Login Management", f"random: crng init done\n{prompt}")
    Workload(None, tenant, None, None).await_login("second")
    assert len(waited) == 2


@pytest.mark.parametrize(("error", "noted"), [(None, False), (StepFailed("the neighbour's console: silent"), True)])
def test_a_neighbour_without_a_login_prompt_is_pinged_all_the_same(monkeypatch, error, noted):
    def await_login(_, server):
        assert server == SERVER.id
        if error:
            raise error

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    notes = []
    stop = JOURNAL.subscribe(lambda event: notes.append(event.text))
    made = Workload.booted(None, None, instances)
    stop()
    assert made.neighbour == ADDRESS
    assert any("the neighbour's boot may slow" in text for text in notes) == noted


def test_an_interruption_of_that_wait_ends_the_run(monkeypatch):
    def await_login(*_):
        raise Interrupted("interrupted")

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    with pytest.raises(Interrupted):
        Workload.booted(None, None, instances)


@pytest.fixture
def whole(site_of):
    """A site with Ceph and Cinder."""
    return site_of(with_storage(inventory.load("lab")))


def test_only_a_cluster_with_ceph_and_cinder_has_a_volume_to_write_to(site_of, whole, monkeypatch):
    monkeypatch.setattr(volume.Volume, "attached", lambda *_: "attached")
    assert FOUND(whole, None, None) == "attached"
    two = site_of("two-node")
    assert FOUND(two, None, None) is None


@pytest.mark.parametrize("error", [StepFailed("in error"), Interrupted("interrupted")])
def test_an_instance_without_its_volume_is_watched_all_the_same(whole, monkeypatch, error):
    def attached(*_):
        raise error

    monkeypatch.setattr(volume.Volume, "attached", attached)
    if isinstance(error, Interrupted):
        with pytest.raises(Interrupted):
            FOUND(whole, None, None)
    else:
        assert FOUND(whole, None, None) is None


def test_the_monitor_that_leads_is_the_one_that_says_so(whole, monkeypatch):
    states = {"storage01": "", "storage02": "leader", "storage03": "peon"}
    monkeypatch.setattr("deploy.facts.ceph.monitor", lambda host: SimpleNamespace(state=states[host.name]))
    assert Who(whole).leads_ceph().name == "storage02"
    states["storage02"] = "electing"
    with pytest.raises(Refused, match="no monitor of Ceph leads"):
        Who(whole).leads_ceph()


def test_numbers_are_read_at_the_first_storage_node_that_answers(whole, monkeypatch):
    asked = []

    def check(host, *_, **__):
        asked.append(host.name)
        if host.name == "storage01":
            raise StepFailed("no answer")
        return "7\nwhole\n"

    monkeypatch.setattr("deploy.host.Host.check", check)
    assert volume.Volume(whole, "v1", "/dev/vdb").numbers("mark", 9) == [7]
    assert asked == ["storage01", "storage02"]


def test_only_the_volumes_of_the_token_are_removed():
    deleted = []
    there = [SimpleNamespace(name=f"stackproof-drill-{token}", status="available") for token in ("t1", "t2")]
    there.append(SimpleNamespace(name="mine-t1", status="available"))
    api = SimpleNamespace(
        volumes=lambda: there,
        delete_volume=lambda each: deleted.append(each.name),
        wait_for_delete=lambda *_, **__: None,
    )
    assert list(remove(Tenant(SimpleNamespace(block_storage=api), "t1"))) == deleted == ["stackproof-drill-t1"]
