"""Drill files: FAULT is the class of the fault that the file makes, with three and with five controllers."""

import inspect
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from deploy.catalogue.promises import declared
from deploy.facts.ceph import CephStatus
from deploy.facts.disk import FileSystem
from deploy.host import Host, Result
from deploy.inventory import Cluster
from deploy.site import Site
from fixtures.drills import drill as drills
from fixtures.drills.errors import Refused
from fixtures.drills.faults import configuration, disk, maintenance
from fixtures.drills.faults.fault import Fault
from fixtures.drills.faults.power import Power
from fixtures.drills.plugin import pytest_generate_tests
from fixtures.drills.run.runner import Make, Runner
from fixtures.drills.targets import targets
from fixtures.drills.who import Who
from suites.harness.clusters import with_controllers, with_storage

SUITES = Path(__file__).parents[2]
FILES = sorted([*SUITES.glob("failover/test_*.py"), *SUITES.glob("lab/frozen_memcached.py")])
THREE, FIVE = with_storage(with_controllers(3)), with_controllers(5)
sizes = pytest.mark.parametrize("cluster", [THREE, FIVE], ids=["three", "five"])


def module_of(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marks(module: ModuleType) -> list[object]:
    """Return the module's markers, of which there may be one."""
    found = getattr(module, "pytestmark", [])
    return found if isinstance(found, list) else [found]


@dataclass(frozen=True)
class Made:
    """A stand-in for `Drill` that makes the fault and returns it without running a drill."""

    families: drills.Drill

    def __getattr__(self, name: str) -> object:
        return getattr(self.families, name)

    def __call__(self, make: Make, *_: str) -> Fault:
        return make()


def faults(path: Path, site: Site) -> list[Fault]:
    """Return every fault that the file's `record` makes."""
    module = module_of(path)
    record = inspect.unwrap(module.record)
    families = drills.Drill(SimpleNamespace(module=module), Runner(site))
    choices = {
        "request": [SimpleNamespace(param=param) for param in module.record._fixture_function_marker.params or ()],
        "target": targets(site.catalogue),
        "turn": list(site.controllers),
    }
    several = next((name for name in choices if name in inspect.signature(record).parameters), None)
    given = {"drill": Made(families), "workload": None}
    known = {name: given[name] for name in inspect.signature(record).parameters if name in given}
    return [record(**known, **({several: each} if several else {})) for each in (choices[several] if several else [0])]


@pytest.fixture
def quiet(monkeypatch):
    """Hosts that answer each command with one running unit, and have no traces of an earlier drill."""
    text = "MainPID=1\nInvocationID=a\n"
    monkeypatch.setattr(Host, "run", lambda host, command, *_, **__: Result(host.name, command, 0, text, ""))
    monkeypatch.setattr(Who, "holds_vip", lambda who: who.site.controllers.first)
    monkeypatch.setattr(Who, "leads_etcd", lambda who: who.site.controllers.first)
    monkeypatch.setattr(Who, "leads_ceph", lambda who: who.stores().first)
    monkeypatch.setattr(maintenance.Maintenance, "_running", lambda *_: {})
    monkeypatch.setattr(configuration, "_refuse_copy", lambda *_: None)
    monkeypatch.setattr(configuration.tokens, "issued", lambda *_: True)
    monkeypatch.setattr(disk, "unsafe", lambda *_: "")
    monkeypatch.setattr(disk.ceph, "status", lambda _: CephStatus(used=0.1))
    monkeypatch.setattr(disk.ceph, "nearly_full", lambda _: 0.85)
    monkeypatch.setattr(disk.disk, "read", lambda _, path: {path: FileSystem("/", 1024, 512, "ext4")})


@sizes
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_declared_class_of_fault_is_the_one_made(path: Path, cluster: Cluster, site_of, quiet):
    site, module = site_of(cluster), module_of(path)
    if pytest.mark.needs("ceph") in marks(module) and not cluster.role("storage"):
        pytest.skip("the cluster has no Ceph, so that the drill is left out")
    made = faults(path, site)
    assert made
    assert {fault.kind for fault in made} == {module.FAULT}
    assert {name for fault in made for name in fault.victims} <= set(site.hosts)  # they are pinged


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_quality_is_judged_unless_services_must_stop(path: Path):
    module = module_of(path)
    (drilled,) = (each for name, each in vars(module).items() if name.startswith("Test"))
    assert hasattr(drilled, "test_quality_is_within_limits") is (module.FAULT not in declared().stops)


@pytest.mark.parametrize(("cluster", "lost"), [(THREE, 2), (FIVE, 3)], ids=["three", "five"])
def test_a_majority_is_the_smallest_loss_that_ends_the_quorum(cluster: Cluster, lost: int, site_of):
    site = site_of(cluster)
    victims = Who(site).majority()
    assert len(victims) == lost
    assert site.members("galera").first not in victims
    assert Power(site).off(*victims).kind == "quorum-loss"
    assert Power(site).off(*victims[1:]).kind == "node-loss"


@sizes
def test_a_rolling_restart_restarts_every_controller(cluster: Cluster, site_of, quiet):
    site = site_of(cluster)
    restarted = [fault.victim for fault in faults(SUITES / "failover" / "test_rolling_restart.py", site)]
    assert restarted == [node.name for node in cluster.role("controller")]


@sizes
def test_turns_are_the_controllers_of_the_inventory(cluster: Cluster, monkeypatch):
    asked = []
    metafunc = SimpleNamespace(
        fixturenames=["turn"], config=None, parametrize=lambda name, values, **_: asked.append((name, values))
    )
    monkeypatch.setattr("fixtures.drills.plugin.cluster_of", lambda _: cluster)
    pytest_generate_tests(metafunc)
    assert asked == [("turn", [node.name for node in cluster.role("controller")])]


def test_a_fault_of_another_class_than_declared_is_refused(site_of):
    site = site_of(THREE)

    def make() -> Fault:
        return Power(site).off(site.controllers.first)

    assert drills.made(make, "node-loss").kind == "node-loss"
    with pytest.raises(Refused, match="another class") as caught:
        drills.made(make, "quorum-loss")
    assert (caught.value.seen, "quorum-loss" in caught.value.expected) == ("node-loss", True)
