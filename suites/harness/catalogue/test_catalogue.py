"""The catalogue: entries name only existing things, and agree with themselves and with each other."""

import re
from collections import Counter
from dataclasses import fields, replace

import pytest

from deploy import catalogue, inventory, plan, platforms, steps
from deploy.catalogue import Service, read
from deploy.cib import elements, wanted
from deploy.errors import InventoryError
from deploy.platforms import Platform
from suites.harness.clusters import PLATFORMS, with_every_feature, with_networks_apart

CLUSTER = with_every_feature()
WHOLE = catalogue.load().of(CLUSTER)
SERVICES = WHOLE.services
SETS = {each.folder: each for service in SERVICES for each in service.sets}


@pytest.fixture(params=PLATFORMS)
def platform(request) -> Platform:
    return platforms.load(request.param)


@pytest.fixture
def services(platform) -> tuple[Service, ...]:
    """All services of the catalogue, with their names on the platform."""
    return catalogue.load().of(replace(CLUSTER, platform=platform.name)).services


def paths_of(folder: str) -> set[str]:
    root = read.ROOT / folder
    return {f"/{path.relative_to(root)}".removesuffix(".j2") for path in root.rglob("*.j2")}


# -- references exist and are used -----------------------------------------


def test_sample_cluster_has_every_project_and_feature():
    assert {project.name for project in WHOLE.projects} == set(catalogue.load().projects)
    assert CLUSTER.features == set(inventory.features.FEATURES) - {"lvm", "nfs"}


def test_every_template_belongs_to_a_set_of_a_service():
    folders = {folder for folder in SETS if paths_of(folder)}
    every = {path for path in read.ROOT.rglob("*.j2") if path.name != "_macros.j2"}
    assert every == {path for folder in folders for path in (read.ROOT / folder).rglob("*.j2")}
    assert folders == set(SETS)


@pytest.mark.parametrize("folder", SETS)
def test_owner_and_mode_exceptions_name_existing_templates(folder):
    assert set(SETS[folder].files.paths) <= paths_of(folder)


def test_owners_and_modes_are_well_formed():
    rules = [rule for each in SETS.values() for rule in (each.files, *each.files.paths.values())]
    assert all(re.fullmatch(r"[a-z]+:[a-z]+", rule.owner) for rule in rules)
    assert all(re.fullmatch(r"0[0-7]{3}", rule.mode) for rule in rules)


def test_placeholders_in_template_paths_are_known(platform, services):
    for service in services:
        paths = {path for each in service.sets for path in paths_of(each.folder)}
        names = {name for path in paths for name in re.findall(r"{([^}]+)}", path)}
        assert names <= {"service", "script", "unit", "controller", *service.paths, *platform.paths}


def test_every_api_with_its_own_account_has_a_signed_in_path():
    """The state suite requests this path from each member, and each member does before it serves."""
    asked = {service.name for service in SERVICES if service.health and service.health.signed_in}
    assert asked == {service.name for service in SERVICES if service.endpoint}
    assert asked


def test_every_unit_has_an_account_on_the_platform(services):
    assert [service.name for service in services if service.unit and not service.runs_as] == []


def test_every_api_has_a_program_on_the_platform(services):
    assert [service.name for service in services if service.kind == "wsgi" and not service.program] == []


def test_every_project_with_units_has_packages_on_the_platform(platform, services):
    """The packages of the project, or of a project that is built before it on the same hosts."""
    without = {service.project for service in services} - {service.project for service in services if service.packages}
    assert without == {"content"}
    assert {package for service in services for package in service.packages} <= set(
        catalogue.load().packages(platform.name)
    )


def test_every_project_with_a_schema_names_its_package(platform):
    whole = catalogue.load().of(replace(CLUSTER, platform=platform.name))
    assert [project.name for project in whole.projects if project.database and not project.schema] == []


def test_platforms_differ_in_names_only(services):
    """All platforms have the same services, ports and roles."""
    of_platform = {"unit", "runs_as", "program", "packages", "paths", "settings", "defaults", "internals"}
    kept = [field.name for field in fields(Service) if field.name not in of_platform]
    assert [[getattr(service, name) for name in kept] for service in services] == [
        [getattr(service, name) for name in kept] for service in SERVICES
    ]


def test_every_step_is_a_project():
    assert {service.step for service in SERVICES} <= {project.name for project in WHOLE.projects}


def test_every_step_module_belongs_to_a_project():
    names = {path.stem for path in (read.ROOT.parent / "deploy/steps").glob("*.py")} - {"__init__"}
    assert names <= {project.name.replace("-", "_") for project in WHOLE.projects}


# -- entries that agree with themselves and with each other ----------------------------------------


def test_service_names_are_unique():
    assert [name for name, count in Counter(service.name for service in SERVICES).items() if count > 1] == []


@pytest.mark.parametrize("of", ["port", "unit"])
def test_unique_attribute_is_not_shared_by_two_services(of):
    uses = Counter(getattr(service, of) for service in SERVICES if getattr(service, of))
    assert [use for use, count in uses.items() if count > 1] == []


def test_endpoints_are_unique():
    uses = Counter((service.endpoint.name, service.endpoint.type) for service in SERVICES if service.endpoint)
    assert set(uses.values()) == {1}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_entry_is_complete(service):
    project = WHOLE.project(service.project)
    assert not service.proxy or service.port, "a proxy without a port"
    assert not service.endpoint or service.port, "an endpoint without a port"
    assert not service.health or service.port or service.health.port, "a health check without a port"
    assert not service.endpoint or project.account or project.name == "keystone", "an endpoint without an account"
    assert bool(service.processes) == bool(service.program) == (service.kind == "wsgi"), "uWSGI without a program"
    assert service.manager == "systemd" or service.unit, "Pacemaker without a unit"


@pytest.mark.parametrize("project", WHOLE.projects, ids=lambda project: project.name)
def test_project_with_databases_has_migrations(project):
    by_code = {"nova"}  # its commands depend on the cluster
    assert bool(project.database) == bool(project.schema) == bool(project.migrate or project.name in by_code)
    assert not project.database or project.runs_as


@pytest.mark.parametrize("service", [s for s in SERVICES if s.health and s.health.port], ids=lambda s: s.name)
def test_health_port_belongs_to_a_service_on_the_same_hosts(service):
    (other,) = (s for s in SERVICES if s.port == service.health.port)
    assert set(service.roles) <= set(other.roles)


def test_every_proxied_service_has_a_health_check():
    assert [service.name for service in SERVICES if service.proxy and not service.health] == []


# -- the catalogue of one cluster -----------------------------------------------------------------------------


def names_of(profile: str) -> set[str]:
    return {service.name for service in catalogue.load().whole(inventory.load(profile)).services}


def test_highly_available_cluster_has_every_service():
    assert (
        names_of("lab") == names_of("production.example") == {service.name for service in SERVICES} - {"fencing-ipmi"}
    )


def test_single_controller_has_no_high_availability_service():
    absent = {service.name for service in SERVICES} - names_of("two-node")
    cluster = {"corosync", "pacemaker", "fencing", "fencing-ipmi", "haproxy"}
    ours = {"haproxy-watch", "rabbitmq-watch", "rabbitmq-failover", "vxlan-flood"}
    assert absent == cluster | ours | {"neutron-l3-agent", "nova-ssh"}


def test_without_pacemaker_systemd_starts_every_unit():
    services = catalogue.load().of(inventory.load("two-node")).services
    assert [service.name for service in services if service.by_pacemaker] == []


def test_port_that_needs_a_missing_feature_is_dropped():
    ports = {port.port for port in catalogue.load().of(inventory.load("two-node"))["galera"].ports}
    assert ports == set()
    assert {port.port for port in WHOLE["galera"].ports} == {4567, 4568, 4444}


def test_service_is_found_by_name_and_by_step():
    assert WHOLE["keystone"].port == 5000
    assert "keystone" in WHOLE
    assert "nope" not in WHOLE
    assert [service.name for service in WHOLE.step("glance")] == ["glance"]
    with pytest.raises(KeyError):
        WHOLE.project("nope")


def test_step_covers_every_host_of_its_services():
    for step in plan.order(steps.of(WHOLE)):
        assert {role for service in WHOLE.step(step.name) for role in service.roles} == set(step.roles)


# -- mistakes in a file ------------------------------------------------------------------------------

WRONG = {
    "no TOML": ("title =", "sample/service.toml cannot be read"),
    "an unknown key": ('title = "x"\nport = 1', "sample: port: Unexpected keyword argument"),
    "an unknown key of a service": ('title = "x"\n[services.a]\nprot = 1', r"sample: services\.a: prot: Unexpected"),
    "an unknown role": ('title = "x"\n[services.a]\nroles = ["king"]', r"services\.a: roles\.0: Input should be"),
    "an unknown feature": ('title = "x"\nneeds = ["luck"]', "needs.0: .*no feature is named luck"),
    "an overlay of an unknown feature": ('title = "x"\n[with.luck]', r"with\.luck: no feature has this name"),
    "a requirement that is not there": ('title = "x"\nrequires = ["luck"]', "sample requires luck, which does not"),
    "a circle": ('title = "x"\nrequires = ["sample"]', "circle: sample -> sample"),
    "an unknown kind": ('title = "x"\n[services.a]\nkind = "luck"', r"luck/kind\.toml cannot be read"),
    "an unknown table of budgets": ('title = "x"\n[services.a]\nbudget = "luck"', r"services\.a: budget: no table"),
    "a budget of what is no API": (
        'title = "x"\n[services.a]\nbudget = "data-plane"',
        r"services\.a: budget: only an API has one",
    ),
    "files of a project that is not there": ('title = "x"\nuses = ["luck"]\n[services.a]', r"uses: no project"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_file_is_refused_with_file_name_and_key(templates, case):
    text, told = WRONG[case]
    (templates / "sample").mkdir()
    (templates / "sample/service.toml").write_text(text)
    with pytest.raises(InventoryError, match=told):
        catalogue.load().of(CLUSTER)


# -- features that change an entry ----------------------------------------------------------------------

ALTERED = """
title = "sample"
requires = ["base"]
[with.ha]
requires = ["base", "other"]
[services.sample]
port = 1
from = ["clients"]
proxy = { strategy = "first", check_every = 5 }
[services.sample.with.ha]
proxy.strategy = "balance"
"""


@pytest.mark.parametrize(("profile", "strategy", "requires"), [("lab", "balance", 2), ("two-node", "first", 1)])
def test_feature_changes_only_the_keys_of_its_overlay(templates, profile, strategy, requires):
    for name, text in (("base", 'title = "b"'), ("other", 'title = "o"'), ("sample", ALTERED)):
        (templates / name).mkdir()
        (templates / name / "service.toml").write_text(text)
    found = catalogue.load().of(inventory.load(profile))
    assert (found["sample"].proxy.strategy, found["sample"].proxy.check_every) == (strategy, 5)
    assert len(found.project("sample").requires) == requires


# -- Pacemaker -----------------------------------------------------------------------------------------


def test_haproxy_is_moved_at_the_first_failure_others_after_several(site_of):
    site = site_of("lab")

    def meta(step: str, name: str) -> str:
        (clone,) = elements.units(site.catalogue.step(step))
        return clone.find(f"primitive/meta_attributes/nvpair[@name='{name}']").get("value")

    assert [meta(step, "migration-threshold") for step in ("haproxy", "keystone")] == ["1", "50"]
    # The starts of one host take a minute or two; a failure meanwhile must not be forgotten before they end.
    assert [meta(step, "failure-timeout") for step in ("haproxy", "keystone")] == ["20s", "300s"]


def test_failed_start_is_remembered_longer_than_a_start_may_take(site_of):
    (clone,) = elements.units(site_of("lab").catalogue.step("keystone"))
    limits = {each.get("name"): each.get("timeout") for each in clone.iterfind("primitive/operations/op")}
    assert limits == {"monitor": "100s", "start": f"{elements.STARTING}s", "stop": "100s"}
    assert 100 < elements.STARTING < elements.FORGOTTEN


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        (inventory.load("lab"), {"ip": "172.16.181.30", "cidr_netmask": "24", "nic": "eth0"}),
        (with_networks_apart(), {"ip": "10.77.3.30", "cidr_netmask": "24", "nic": "eth7"}),
    ],
    ids=["management", "public"],
)
def test_vip_has_the_interface_of_its_network(cluster, expected):
    pairs = wanted.address(cluster).iterfind("instance_attributes/nvpair")
    assert {pair.get("name"): pair.get("value") for pair in pairs} == expected


def test_vip_stays_where_its_host_becomes_the_dc():
    rule = wanted.away_from_dc().find("rule")
    stickiness = elements.primitive("vip", "ocf:heartbeat:IPaddr2", {}, monitor="5s").find(
        "meta_attributes/nvpair[@name='resource-stickiness']"
    )
    assert 0 < -int(rule.get("score")) < int(stickiness.get("value"))
