"""The catalogue: it names only what exists, everything that exists is named, and all else derives from it."""

import re
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from deploy import catalogue, cloud, inventory, platforms, render, steps
from deploy.catalogue import Endpoint, Files, Health, Proxy, Service
from deploy.making import database, resources
from deploy.platforms import Platform
from deploy.steps import vip

SERVICES = catalogue.load().services
SETS = catalogue.load().templates
FOLDERS = {path.name for path in render.ROOT.iterdir() if path.is_dir()}
PLATFORMS = sorted(file.stem for file in inventory.PLATFORMS.glob("*.toml"))
WITHOUT_SERVICE = {"vip"}


@pytest.fixture(params=PLATFORMS)
def platform(request) -> Platform:
    return platforms.load(request.param)


def paths_of(name: str) -> set[str]:
    folder = render.ROOT / name
    return {f"/{path.relative_to(folder)}".removesuffix(".j2") for path in folder.rglob("*.j2")}


# -- nothing that does not exist, nothing that nobody uses -----------------------------------------


def test_steps_and_services_name_each_other():
    assert {service.step for service in SERVICES} == {step.name for step in steps.ALL} - WITHOUT_SERVICE


@pytest.mark.parametrize("step", steps.ALL, ids=str)
def test_a_step_visits_every_host_its_services_are_on(step):
    roles = {role for service in SERVICES if service.step == step.name for role in service.roles}
    assert roles <= set(step.roles)


def test_template_sets_folders_and_uses_are_the_same():
    used = {name for service in SERVICES for name in service.templates}
    assert set(SETS) == FOLDERS == used


@pytest.mark.parametrize("name", SETS)
def test_exceptions_of_owner_and_mode_are_of_templates_that_exist(name):
    assert set(SETS[name].files) <= paths_of(name)


def test_owners_and_modes_are_well_formed():
    rules = [rule for files in SETS.values() for rule in (files, *files.files.values())]
    assert all(re.fullmatch(r"[a-z]+:[a-z]+", rule.owner) for rule in rules)
    assert all(re.fullmatch(r"0[0-7]{3}", rule.mode) for rule in rules)


def test_package_groups_are_those_of_the_platform(platform):
    used = {group for service in SERVICES for group in service.packages}
    assert used | {"bare", "drills"} == set(platform.packages)


def test_wsgi_applications_are_those_of_the_platform(platform):
    assert {service.name for service in SERVICES if service.processes} == set(platform.wsgi)


def test_names_in_the_paths_of_templates_are_known(platform):
    names = {name for folder in FOLDERS for path in paths_of(folder) for name in re.findall(r"{([^}]+)}", path)}
    assert names <= {
        "service",
        "script",
        "unit",
        "controller",
        *platform.paths,
        *(service.unit for service in SERVICES),
    }


def test_every_api_with_users_of_its_own_says_what_those_may_ask():
    """Which the state suite asks each member, and each member itself before it serves; without it neither would."""
    asked = {service.name for service in SERVICES if service.health and service.health.signed_in}
    assert asked == {service.name for service in SERVICES if service.endpoint}
    assert asked


def test_units_of_the_platform_are_those_of_services(platform):
    assert set(platform.units) <= {service.unit for service in SERVICES}


def test_every_unit_has_its_account_on_the_platform(platform):
    assert set(platform.accounts) == {service.unit for service in SERVICES if service.unit}


# -- entries that agree with themselves and with each other ----------------------------------------


def test_names_are_unique():
    assert [name for name, count in Counter(service.name for service in SERVICES).items() if count > 1] == []


@pytest.mark.parametrize("of", ["port", "unit"])
def test_nothing_is_used_by_two_services(of):
    uses = Counter(getattr(service, of) for service in SERVICES if getattr(service, of))
    assert [use for use, count in uses.items() if count > 1] == []


def test_endpoints_are_unique():
    uses = Counter((service.endpoint.name, service.endpoint.type) for service in SERVICES if service.endpoint)
    assert set(uses.values()) == {1}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_an_entry_is_complete(service):
    assert not service.proxy or service.port, "a proxy without a port"
    assert not service.endpoint or service.port, "an endpoint without a port"
    assert not service.health or service.port or service.health.port, "a health check without a port"
    assert not service.endpoint or service.account or service.name == "keystone", "an endpoint without an account"
    assert bool(service.processes) == ("wsgi" in service.templates), "uWSGI processes without its files, or the reverse"
    assert service.manager == "systemd" or service.unit, "Pacemaker without a unit"
    assert all(seconds > 0 for seconds in service.budget.values()), "a budget of nothing"


@pytest.mark.parametrize("service", [s for s in SERVICES if s.health and s.health.port], ids=lambda s: s.name)
def test_a_health_port_is_that_of_a_service_on_the_same_hosts(service):
    (other,) = (s for s in SERVICES if s.port == service.health.port)
    assert set(service.roles) <= set(other.roles)


def test_whoever_is_proxied_has_a_health_check():
    assert [service.name for service in SERVICES if service.proxy and not service.health] == []


# -- what a cluster has -----------------------------------------------------------------------------


def names_of(profile: str) -> set[str]:
    return {service.name for service in catalogue.load().of(inventory.load(profile)).services}


def test_a_highly_available_cluster_has_every_service():
    assert (
        names_of("lab") == names_of("production.example") == {service.name for service in SERVICES} - {"fencing-ipmi"}
    )


def test_a_single_controller_goes_without_what_makes_it_highly_available():
    absent = {service.name for service in SERVICES} - names_of("two-node")
    cluster = {"corosync", "pacemaker", "fencing", "fencing-ipmi", "haproxy"}
    ours = {"haproxy-watch", "rabbitmq-watch", "rabbitmq-failover", "vxlan-flood"}
    assert absent == cluster | ours | {"neutron-l3-agent", "nova-ssh"}


def test_a_service_is_found_by_name_and_by_step():
    whole = catalogue.load()
    assert whole["keystone"].port == 5000
    assert "keystone" in whole
    assert "nope" not in whole
    assert [service.name for service in whole.step("glance")] == ["glance"]


# -- one entry, many uses: adding a service takes an entry and its templates, nothing else -----------

SAMPLE = Service(
    name="sample",
    step="sample",
    roles=("controller",),
    templates=("sample",),
    unit="sample-api",
    manager="pacemaker",
    port=9999,
    health=Health("/alive", (200, 300)),
    proxy=Proxy(client_timeout=600),
    database=("sample_main",),
    account="sample",
    endpoint=Endpoint("sample", "samples", "/v1"),
)


class Recorder:
    """Stands for a host, or for anything called: keeps what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, command: str, *_: object, stdin: str = "", **__: object) -> str:
        self.asked.append(stdin or command)
        return ""

    def changed(self, what: str) -> None:
        self.asked.append(what)


@pytest.fixture
def site(site_of, templates):
    """The lab, with one service more than the catalogue has."""
    source = render.Path(render.__file__).parent.parent / "templates"
    shutil.copytree(source, templates, dirs_exist_ok=True)
    own = templates / "sample/etc/sample/sample.conf.j2"
    own.parent.mkdir(parents=True)
    own.write_text("listen = {{ node.management }}:{{ service.port }}\n")
    lab = site_of("lab")
    more = replace(
        lab.catalogue,
        services=(*lab.catalogue.services, SAMPLE),
        templates={**lab.catalogue.templates, "sample": Files("root:sample", "0640")},
    )
    return replace(lab, catalogue=more)


def test_its_files_are_rendered_with_owner_mode_and_unit(site):
    node = site.cluster.node("controller02")
    (file,) = site.render(node, site.services("sample", node))
    assert (file.path, file.text) == ("/etc/sample/sample.conf", "listen = 172.16.181.32:9999\n")
    assert (file.owner, file.mode, file.units) == ("root:sample", "0640", ("sample-api",))


def test_haproxy_carries_it(site):
    node = site.controllers.first.node
    (config,) = (f.text for f in site.render(node, [site.catalogue["haproxy"]]) if f.path.endswith("haproxy.cfg"))
    section = config.split("listen sample\n")[1].split("listen ")[0]
    assert "bind 172.16.181.30:9999\n" in section
    assert "uri /alive\n" in section
    assert "expect status 200,300\n" in section
    assert section.count(":9999 check\n") == 3
    assert "timeout server 600s\n" in section


def test_pacemaker_runs_it(site):
    (clone,) = resources.units(site, site.catalogue.step("sample"))
    primitive = clone.find("primitive")
    assert (clone.get("id"), primitive.get("class"), primitive.get("type")) == (
        "sample-clone",
        "systemd",
        "sample-api",
    )


def test_it_gets_a_database_and_an_account_there(site, monkeypatch):
    host = Recorder()
    monkeypatch.setattr(type(site), "controllers", type("", (), {"first": host}))
    database.ensure(site, site.catalogue.step("sample"))
    told = "\n".join(host.asked)
    assert "CREATE OR REPLACE USER 'sample'@'172.16.181.0/255.255.255.0'" in told
    assert "CREATE DATABASE IF NOT EXISTS `sample_main`; GRANT ALL ON `sample\\_main`.* TO 'sample'@" in told


def test_registering_it_makes_an_account_and_three_endpoints(site, monkeypatch):
    made = []
    monkeypatch.setattr(cloud, "connect", lambda _: NewCloud(made))
    cloud.register(site, site.catalogue.step("sample"))
    assert ("user", "sample") in made
    urls = {(what, url) for what, url in made if what in {"public", "internal", "admin"}}
    assert urls == {(i, "http://172.16.181.30:9999/v1") for i in ("public", "internal", "admin")}


class NewCloud:
    """A Keystone that knows nothing yet: whatever is looked for is absent, whatever is made is kept."""

    def __init__(self, made: list[tuple[str, str]]) -> None:
        self.made, self.identity = made, self

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_user(self, _):
        return None

    def find_role(self, name):
        return name

    def create_role(self, name):
        self.made.append(("role", name))

    def find_project(self, name, **_):
        return name

    def validate_user_has_project_role(self, *_):
        return True

    def services(self, **_):
        return []

    def endpoints(self, **_):
        return []

    def create_user(self, name, **_):
        self.made.append(("user", name))

    def create_service(self, name, **_):
        self.made.append(("service", name))
        return type("Made", (), {"id": "0"})

    def create_endpoint(self, interface, url, **_):
        self.made.append((interface, url))


def test_haproxy_is_given_up_at_once_and_others_after_a_while(site_of):
    site = site_of("lab")

    def meta(step: str, name: str) -> str:
        (clone,) = resources.units(site, site.catalogue.step(step))
        return clone.find(f"primitive/meta_attributes/nvpair[@name='{name}']").get("value")

    assert [meta(step, "migration-threshold") for step in ("haproxy", "keystone")] == ["1", "50"]
    # A host's starts take a minute or two, and what fails meanwhile has to be remembered when they are over.
    assert [meta(step, "failure-timeout") for step in ("haproxy", "keystone")] == ["20s", "300s"]


def test_a_start_may_take_longer_than_other_operations_and_is_remembered_for_longer_than_it_takes(site_of):
    site = site_of("lab")
    (clone,) = resources.units(site, site.catalogue.step("keystone"))
    limits = {each.get("name"): each.get("timeout") for each in clone.iterfind("primitive/operations/op")}
    assert limits == {"monitor": "100s", "start": f"{resources.STARTING}s", "stop": "100s"}
    assert 100 < resources.STARTING < resources.FORGOTTEN


def test_the_vip_moves_to_no_other_host_because_its_own_became_the_dc():
    rule = vip.away_from_dc().find("rule")
    stickiness = resources.primitive("vip", "ocf:heartbeat:IPaddr2", {}, monitor="5s").find(
        "meta_attributes/nvpair[@name='resource-stickiness']"
    )
    assert 0 < -int(rule.get("score")) < int(stickiness.get("value"))
