"""Throw-away projects: who made one, whether its run goes on, and what a sweep removes; by a Keystone of this test."""

import logging
import os
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from deploy.errors import StackproofError, StepFailed
from fixtures import projects, quotas
from fixtures.projects import PREFIX, Maker, Projects


class Project(SimpleNamespace):
    """A project of Keystone."""


class Domain(SimpleNamespace):
    """A domain of Keystone."""


class Role(SimpleNamespace):
    """A role of Keystone."""


@pytest.fixture
def ended():
    """The maker that a process was which has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        maker = Maker.here(process.pid)
        process.communicate(b"\n")
    return maker


def marked(kind, maker, name="a"):
    return kind(id=f"id-{name}", name=f"{PREFIX}{name}", description=str(maker), domain_id="default")


def elsewhere(maker):
    return Maker("another.example.org", maker.boot, maker.process, maker.started)


def test_description_names_its_maker():
    maker = Maker.here()
    assert Maker.of(str(maker)) == maker
    assert str(maker).startswith("a flow of Stackproof; `pytest --sweep` removes it")


@pytest.mark.parametrize(
    "description",
    ["", "somebody's own project", "{", "{}", '{"host": "a"}', '[{"host": 1}]', str(Maker.here())[:-2], "{1: 2}"],
)
def test_description_of_others_names_no_maker(description):
    assert Maker.of(description) is None


def test_run_of_this_process_goes_on():
    assert Maker.here().goes_on
    assert not Maker.here().elsewhere


def test_run_whose_process_is_gone_has_ended(ended):
    assert not ended.goes_on


def test_run_has_ended_where_another_process_got_its_number():
    mine = Maker.here()
    assert not Maker(mine.host, mine.boot, mine.process, "1").goes_on


def test_run_has_ended_where_the_machine_was_booted_again():
    mine = Maker.here()
    assert not Maker(mine.host, "another-boot", mine.process, mine.started).goes_on


def test_nothing_is_known_of_another_machines_runs():
    other = elsewhere(Maker.here())
    assert other.elsewhere
    assert not other.goes_on


class Cloud:
    """A cloud with projects, domains and roles, which notes what is removed."""

    def __init__(self, *things):
        self.removed = []
        self.identity = SimpleNamespace(
            projects=lambda **_: [each for each in things if isinstance(each, Project)],
            domains=lambda: [each for each in things if isinstance(each, Domain)],
            roles=lambda: [each for each in things if isinstance(each, Role)],
        )

    def dissolve(self, marked):
        if "stuck" in marked.name:
            raise StepFailed(f"the things of {marked.name}: not ready")
        self.removed.append(marked.name)
        return ["volume data"]


@pytest.fixture
def swept(monkeypatch):
    """Sweeps a cloud of some things; returns the lines and the names of what was removed."""

    def run(*things, **options):
        cloud = Cloud(*things)
        swept = Projects(cloud)
        monkeypatch.setattr(swept, "dissolve", cloud.dissolve)
        lines = []
        try:
            for line in swept.sweep(**options):
                lines.append(line)  # noqa: PERF402 - those before an error count as well
        except StackproofError as error:
            lines.append(str(error))
        return lines, cloud.removed

    return run


def test_sweep_removes_what_runs_left_that_have_ended(swept, ended):
    lines, removed = swept(*(marked(kind, ended, kind.__name__) for kind in (Project, Domain, Role)))
    assert removed == [f"{PREFIX}{kind}" for kind in ("Project", "Domain", "Role")]
    assert lines[:2] == [
        f"removed volume data of project {PREFIX}Project",
        f"removed project {PREFIX}Project",
    ]


def test_sweep_keeps_what_a_run_uses(swept):
    lines, removed = swept(marked(Project, Maker.here()))
    assert removed == []
    assert lines == [f"kept project {PREFIX}a: process {os.getpid()} of this machine uses it"]


def test_sweep_keeps_what_another_machine_made_unless_told(swept, ended):
    there = marked(Project, elsewhere(ended))
    lines, removed = swept(there)
    assert removed == []
    assert "--sweep=all removes it" in lines[0]
    assert swept(there, everything=True)[1] == [there.name]


def test_sweep_removes_what_names_no_maker_but_has_our_mark(swept):
    unmarked = marked(Project, "no maker")
    foreign = Project(id="2", name="a customer's", description=str(unmarked.description), domain_id="default")
    assert swept(unmarked, foreign)[1] == [unmarked.name]


def test_sweep_goes_on_after_what_it_cannot_remove(swept, ended):
    lines, removed = swept(marked(Project, ended, "stuck"), marked(Project, ended, "other"))
    assert removed == [f"{PREFIX}other"]
    assert f"the things of {PREFIX}stuck: not ready" in lines[-1]


class Inside:
    """A session in a project with some things, of which each clean-up removes one."""

    network = SimpleNamespace(find_extension=lambda _: "router")

    def __init__(self, *things):
        self.things, self.passes = [Project(name=each, id=each) for each in things], 0

    def endpoint_for(self, _):
        return ""

    def project_cleanup(self, *, dry_run, status_queue, **_):
        for each in self.things:
            status_queue.put(each)
        if not dry_run:
            self.passes += 1
            del self.things[:1]


def test_project_is_cleaned_until_nothing_is_left(monkeypatch):
    monkeypatch.setattr(projects, "PAUSE", 0.0)
    inside = Inside("a", "b")
    assert projects._cleaned(inside, "home") == ["project a", "project b"]
    assert (inside.things, inside.passes) == ([], 2)


def test_project_without_things_is_not_cleaned():
    inside = Inside()
    assert projects._cleaned(inside, "home") == []
    assert inside.passes == 0


def test_what_cannot_be_removed_is_named(monkeypatch):
    monkeypatch.setattr(projects, "PAUSE", 0.0)
    monkeypatch.setattr(projects, "REMOVED", 0.0)
    inside = Inside("a", "b")
    monkeypatch.setattr(inside, "things", [Project(name="in use", id="1")] * 3)
    with pytest.raises(StepFailed, match="project in use"):
        projects._cleaned(inside, "home")


class Quotas:
    """A service with quotas: a number set for a project, or the default."""

    def __init__(self, key, default=10):
        self.key, self.default, self.set = key, default, {}

    def request(self, path, method, json, **_):
        if method == "PUT":
            self.set |= {name: value for name, value in json[self.key].items() if name != "force"}
        if method == "DELETE":
            self.set.clear()
        own = {} if "default" in path else self.set
        body = {self.key: {"id": "p", "things": self.default} | own}
        return SimpleNamespace(status_code=200, json=lambda: body, headers={})


@pytest.fixture
def keepers(monkeypatch):
    """A cloud with Nova's and Neutron's quotas, and no Cinder."""
    import openstack.exceptions

    monkeypatch.setattr(openstack.exceptions, "raise_from_response", lambda _: None)
    there = {"compute": Quotas("quota_set"), "network": Quotas("quota")}
    return SimpleNamespace(endpoint_for=there.get, **there)


def test_quotas_of_a_project_are_those_that_differ(keepers):
    assert quotas.own(keepers, "p") == {}
    quotas.set_for(keepers, "p", "network", things=1)
    assert quotas.own(keepers, "p") == {"network": {"things": 1}}


def test_quotas_are_removed_in_every_service_that_the_cloud_has(keepers):
    for service in ("compute", "network"):
        quotas.set_for(keepers, "p", service, things=1)
    quotas.reset(keepers, "p")
    assert quotas.own(keepers, "p") == {}


def test_limit_ends_with_its_block(keepers):
    with quotas.limited(keepers, "p", "compute", things=0):
        assert quotas.own(keepers, "p") == {"compute": {"things": 0}}
    assert quotas.own(keepers, "p") == {}


@pytest.mark.parametrize(("there", "told"), [("network", True), ("", False)], ids=["of the cloud", "that it lacks"])
def test_project_is_kept_where_a_service_does_not_answer(monkeypatch, there, told):
    """The SDK only logs that, and finds nothing."""
    inside = Inside()

    def fails(**_):
        try:
            raise ConnectionError("refused")
        except ConnectionError:
            logging.getLogger("openstack.project_cleanup").exception("Error in the %s cleanup function", "network")

    monkeypatch.setattr(inside, "project_cleanup", fails)
    monkeypatch.setattr(inside, "endpoint_for", lambda _: there)
    with pytest.raises(StepFailed, match="what network has: refused") if told else nullcontext():
        projects._cleaned(inside, "home")
