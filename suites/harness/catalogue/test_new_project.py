"""A new project is one folder: a renamed copy of Placement's folder gets everything that Placement has."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deploy import catalogue, cloud, inventory, plan, preview, steps
from deploy.catalogue import read
from deploy.cib import elements
from deploy.inventory import Cluster, Services
from deploy.making import database
from fixtures import stages
from fixtures.checks import subjects
from fixtures.checks.subjects import Intended
from fixtures.drills.targets import targets
from fixtures.probes.catalogued import SignedIn, probes

NAME, PORT = "sample", 9999
SHIPPED = read.ROOT


def copied(templates, *more: tuple[str, str]) -> None:
    """Copy all projects, and Placement's folder a second time under other names."""
    shutil.copytree(SHIPPED, templates, dirs_exist_ok=True)
    folder = shutil.copytree(templates / "placement", templates / NAME)
    (folder / "files/etc/placement").rename(folder / f"files/etc/{NAME}")
    (folder / f"files/etc/{NAME}/placement.conf.j2").rename(folder / f"files/etc/{NAME}/{NAME}.conf.j2")
    for path in (folder / "service.toml", folder / f"files/etc/{NAME}/{NAME}.conf.j2"):
        text = path.read_text().replace("placement", NAME).replace("8778", str(PORT))
        for old, new in more:
            assert old in text or path.suffix != ".toml"
            text = text.replace(old, new)
        path.write_text(text)


@pytest.fixture
def site(site_of, templates):
    copied(templates)
    return site_of(chosen(inventory.load("lab-small")))


@pytest.fixture
def elsewhere(site_of, templates):
    """A site where the new project's services run on storage nodes."""
    copied(templates, ('kind = "wsgi"', 'kind = "wsgi"\nroles = ["storage"]'))
    return site_of(chosen(with_storage()))


def chosen(cluster: Cluster) -> Cluster:
    """Return the cluster with the new project chosen."""
    return replace(cluster, services=Services((*cluster.services.chosen, NAME)))


def with_storage() -> Cluster:
    lab = inventory.load("lab-small")
    raw = read.tomllib.loads((inventory.BUILT_IN / "lab-small.toml").read_text())
    for number in (1, 2):
        raw["nodes"][f"storage0{number}"] = {
            "roles": ["storage"],
            "management": f"172.16.181.2{number}",
            "provider": f"10.181.0.2{number}",
        }
    return inventory.parse(raw, lab.source)


def rendered(site, node):
    return {file.path: file for file in site.render(node, site.services(NAME, node))}


def haproxy(site) -> str:
    node = site.controllers.first.node
    (config,) = (f.text for f in site.render(node, [site.catalogue["haproxy"]]) if f.path.endswith("haproxy.cfg"))
    return config.split(f"listen {NAME}\n")[1].split("\n\n")[0]


def step_of(site):
    ordered = plan.order(steps.of(site.catalogue))
    (step,) = (step for step in ordered if step.name == NAME)
    return step, [step.name for step in ordered]


def named(site, subject: str) -> set[str]:
    return {subjects.name(each) for each in subjects.SUBJECTS[subject](Intended.of(site.cluster))}


# -- on the controllers ----------------------------------------------------------------------------


def test_step_follows_the_required_ones(site):
    step, names = step_of(site)
    assert (step.title, step.roles, step.requires) == ("resource inventory", ("controller",), ("keystone", "memcached"))
    assert names.index(NAME) > names.index("keystone")
    hosts = {each.name: names for each, names in preview.steps(site, steps.of(site.catalogue))}
    assert hosts[NAME] == ("controller01", "controller02", "controller03")


def test_files_are_rendered_with_owner_mode_and_unit(site):
    files = rendered(site, site.cluster.node("controller02"))
    own = files[f"/etc/{NAME}/{NAME}.conf"]
    assert (own.owner, own.mode, own.units) == (f"root:{NAME}", "0640", (f"{NAME}-api",))
    assert f"http-socket = 172.16.181.32:{PORT}\n" in files[f"/etc/stackproof/uwsgi/{NAME}.ini"].text
    assert f"User={NAME}\n" in files[f"/etc/systemd/system/{NAME}-api.service"].text


def test_haproxy_has_its_section(site):
    section = haproxy(site)
    assert f"bind 172.16.181.30:{PORT} ssl crt " in section
    assert section.count(f":{PORT} check") == 3


def test_pacemaker_has_its_clone(site):
    (clone,) = elements.units(site.catalogue.step(NAME))
    primitive = clone.find("primitive")
    assert (clone.get("id"), primitive.get("type")) == (f"{NAME}-clone", f"{NAME}-api")


def test_database_and_account_are_created(site, monkeypatch):
    host = Recorder()
    monkeypatch.setattr(type(site), "members", lambda *_: type("", (), {"first": host}))
    database.ensure(site, site.catalogue.project(NAME))
    told = "\n".join(host.asked)
    assert f"CREATE OR REPLACE USER '{NAME}'@'172.16.181.0/255.255.255.0'" in told
    assert f"CREATE DATABASE IF NOT EXISTS `{NAME}`; GRANT ALL ON `{NAME}`.* TO '{NAME}'@" in told


def test_keystone_gets_the_account_and_three_endpoints(site, monkeypatch):
    made = registered(site, monkeypatch)
    assert ("user", NAME) in made
    urls = {(what, url) for what, url in made if what in {"public", "internal", "admin"}}
    assert urls == {(i, f"https://172.16.181.30:{PORT}") for i in ("public", "internal", "admin")}


def test_state_suite_checks_the_new_project(site):
    assert {f"controller0{n}-{NAME}-api" for n in (1, 2, 3)} <= named(site, "unit") & named(site, "clone")
    assert f"controller02-/etc/{NAME}/{NAME}.conf" in named(site, "file")
    assert f"controller02-{NAME}-api-{PORT}" in named(site, "opening")
    assert f"controller03-{NAME}" in named(site, "server") & named(site, "member") & named(site, "endpoint_member")
    assert NAME in named(site, "api") & named(site, "endpoint") & named(site, "account") & named(site, "owner")
    assert any(review.endswith(f"{NAME}-status") for review in named(site, "review"))


def test_drills_watch_and_stop_the_new_service(site):
    assert {f"{NAME}", f"{NAME}/kept"} <= {
        probe.name for probe in probes(site.cluster, site.catalogue, SignedIn("t", "p1"))
    }
    assert NAME in {target.name for target in targets(site.catalogue)}


def test_suites_can_name_the_new_stage(site):
    assert NAME in stages.stages(catalogue.load())


def test_role_and_domain_are_created_in_keystone(site_of, templates, monkeypatch):
    extras = '[keystone]\nroles = ["sample_owner"]\ndomain = "sample"\ndomain_admin = "sample_admin"\n[on.debian-12]'
    copied(templates, ("[on.debian-12]", extras))
    made = registered(site_of(chosen(inventory.load("lab-small"))), monkeypatch)
    assert {("role", "sample_owner"), ("domain", "sample"), ("user", "sample_admin"), ("domain role", "admin")} <= set(
        made
    )


# -- on other hosts than the controllers -----------------------------------------------------------


def test_on_storage_nodes_it_is_built_on_the_hosts_of_its_roles(elsewhere):
    step, _ = step_of(elsewhere)
    assert step.roles == ("storage",)
    assert rendered(elsewhere, elsewhere.cluster.node("controller01")) == {}
    files = rendered(elsewhere, elsewhere.cluster.node("storage01"))
    assert f"http-socket = 172.16.181.21:{PORT}\n" in files[f"/etc/stackproof/uwsgi/{NAME}.ini"].text


def test_on_storage_nodes_haproxy_sends_requests_to_those_hosts(elsewhere):
    section = haproxy(elsewhere)
    assert f"server storage01 172.16.181.21:{PORT} check" in section
    assert f"server storage02 172.16.181.22:{PORT} check" in section
    assert "controller" not in section


def test_on_storage_nodes_systemd_starts_it_because_pacemaker_is_absent(elsewhere):
    assert elements.units(elsewhere.catalogue.step(NAME)) == []
    files = rendered(elsewhere, elsewhere.cluster.node("storage01"))
    assert "\nRestart=always\n" in files[f"/etc/systemd/system/{NAME}-api.service"].text
    assert f"storage01-{NAME}-api" in named(elsewhere, "unit") - named(elsewhere, "clone")


def test_on_storage_nodes_its_checks_run_on_those_hosts(elsewhere):
    for subject in ("server", "member", "endpoint_member"):
        assert {each for each in named(elsewhere, subject) if each.endswith(f"-{NAME}")} == {
            f"storage01-{NAME}",
            f"storage02-{NAME}",
        }


def test_on_storage_nodes_a_drill_hits_one_of_those_hosts(elsewhere):
    (target,) = (each for each in targets(elsewhere.catalogue) if each.name == NAME)
    who = type("", (), {"serves": lambda _, service: elsewhere.members(service.name).first})()
    assert target.host(who, None).name == "storage01"


# -- stand-ins ----------------------------------------------------------------------------------------


class Recorder:
    """A host double that records its commands."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, command: str, *_: object, stdin: str = "", **__: object) -> str:
        self.asked.append(stdin or command)
        return ""

    def changed(self, what: str) -> None:
        self.asked.append(what)


def registered(site, monkeypatch) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    monkeypatch.setattr(cloud, "connect", lambda _: NewCloud(made))
    cloud.register_account(site, site.catalogue.project(NAME))
    cloud.register_endpoints(site, site.catalogue.project(NAME))
    return made


class NewCloud:
    """An empty Keystone: it finds nothing, and records everything that is created."""

    def __init__(self, made: list[tuple[str, str]]) -> None:
        self.made, self.identity = made, self

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_user(self, *_, **__):
        return None

    def find_role(self, name):
        return name if name in {"admin", "service"} else None

    def find_domain(self, _):
        return None

    def create_domain(self, name):
        self.made.append(("domain", name))
        return type("Made", (), {"id": "0"})

    def validate_user_has_domain_role(self, *_):
        return False

    def assign_domain_role_to_user(self, _, __, role):
        self.made.append(("domain role", role))

    def create_role(self, name):
        self.made.append(("role", name))

    def find_project(self, name, **_):
        return name

    def validate_user_has_project_role(self, *_):
        return True

    def unassign_project_role_from_user(self, _, __, role):
        self.made.append(("taken role", role))

    def services(self, **_):
        return []

    def endpoints(self, **_):
        return []

    def create_user(self, name, **_):
        self.made.append(("user", name))
        return SimpleNamespace(name=name, id="0")

    def get(self, _):
        return SimpleNamespace(status_code=200, json=lambda: {"user": {"options": cloud.EXEMPT}})

    def create_service(self, name, **_):
        self.made.append(("service", name))
        return type("Made", (), {"id": "0"})

    def create_endpoint(self, interface, url, **_):
        self.made.append((interface, url))
