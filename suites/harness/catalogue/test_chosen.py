"""Projects that the inventory chooses: a cluster has them, what they require, and the mandatory ones."""

from dataclasses import replace

import pytest

from deploy import catalogue, inventory, plan, preview, steps
from deploy.errors import HostUnreachable, InventoryError
from deploy.facts import defects, standing
from deploy.facts.standing import Record, Standing
from deploy.host import Host
from deploy.inventory import Services
from deploy.render import Context, files
from deploy.secrets import Unsaved
from fixtures.checks import subjects
from fixtures.checks.subjects import Intended
from fixtures.drills.targets import targets
from fixtures.probes.catalogued import SignedIn, probes
from suites.harness.clusters import choosing

OPTIONAL = {name for name, project in catalogue.load().projects.items() if project.get("optional")}
SUBSETS = {
    "identity alone": (),
    "images": ("glance",),
    "images with content": ("glance", "content"),
    "networks without instances": ("neutron-agents", "content"),
    "an API of instances without computes": ("nova", "content"),
    "instances without networks": ("nova-compute", "etcd"),
}


def names(cluster) -> set[str]:
    return {project.name for project in catalogue.load().of(cluster).projects}


# -- the choice ------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["lab", "lab-small", "two-node", "production.example"])
def test_built_in_inventory_chooses_all_required_projects(profile):
    cluster = inventory.load(profile)
    assert cluster.services.chosen
    assert set(cluster.services.chosen) <= OPTIONAL
    assert catalogue.load().of(cluster).taken_along == {}


def test_cluster_has_chosen_and_mandatory_projects_only():
    assert names(choosing("lab")) == set(catalogue.load().projects) - OPTIONAL
    assert names(choosing("lab", "glance")) & OPTIONAL == {"glance"}


def test_required_project_is_added_with_a_note():
    known = catalogue.load().of(choosing("lab", "nova-compute"))
    assert {project.name for project in known.projects} & OPTIONAL == {"nova-compute", "nova", "placement", "glance"}
    assert "nova is added, because nova-compute requires it" in known.notes
    assert known.taken_along == {"glance": ("nova",), "placement": ("nova",), "nova": ("nova-compute",)}


def test_chosen_project_that_the_cluster_cannot_have_is_refused():
    with pytest.raises(InventoryError, match="no host was touched") as caught:
        catalogue.load().of(choosing("lab", "cinder", "glance"))
    assert "lab.toml: services.chosen: names cinder, which needs volumes: volumes have a place" in caught.value.what
    assert "cinder" in names(choosing("lab", "cinder", "ceph"))


def test_added_project_equals_the_chosen_one():
    chosen = catalogue.load().of(choosing("lab", "nova", "glance"))
    assert chosen.project("nova") == catalogue.load().of(choosing("lab", "nova")).project("nova")
    assert set(chosen.taken_along) == {"placement"}


def test_optional_non_default_project_needs_to_be_chosen(templates):
    for name, text in {"base": 'title = "b"', "extra": 'title = "e"\noptional = true\ndefault = false'}.items():
        (templates / name).mkdir()
        (templates / name / "service.toml").write_text(text)
    lab = inventory.load("lab")
    assert names(replace(lab, services=Services())) == {"base"}
    assert names(replace(lab, services=Services(("extra",)))) == {"base", "extra"}


def test_content_comes_after_the_services_and_requires_none():
    assert catalogue.load().of(inventory.load("lab")).project("content").requires == (
        "keystone", "glance", "nova", "neutron",
    )  # fmt: skip
    assert catalogue.load().of(choosing("lab", "content")).project("content").requires == ("keystone",)


# -- a cluster of few projects ---------------------------------------------------------------------


@pytest.fixture(params=SUBSETS)
def cluster(request):
    return choosing("lab", *SUBSETS[request.param])


def test_small_cluster_has_a_plan(site_of, cluster):
    site = site_of(cluster)
    ordered = plan.order(steps.of(site.catalogue))
    assert {step.name for step in ordered} == {project.name for project in site.catalogue.projects}
    assert [step.name for step, hosts in preview.steps(site, ordered) if not hosts] == ["vip", "tls"]


def test_small_cluster_has_a_preview(site_of, cluster, monkeypatch):
    site = site_of(cluster)
    monkeypatch.setattr(Host, "missing", lambda _, packages: list(packages))
    monkeypatch.setattr(Host, "differing", lambda _, files: [file.path for file in files])
    monkeypatch.setattr(defects, "left", lambda *_: ())
    for name, seen in preview.hosts(site).items():
        assert seen.packages == tuple(catalogue.packages(site.catalogue.on(cluster.node(name))))
        assert "/etc/hosts" in seen.files


def test_preview_lists_leftover_projects_only_where_all_hosts_answer(site_of, monkeypatch):
    site = site_of(choosing("lab"))
    record = Record("glance", units=("glance-api",), databases=("glance",))
    monkeypatch.setattr(standing, "read", lambda *_: Standing((record,)))
    assert [left.project for left in preview.left(site)] == ["glance"]

    def silent(*_):
        raise HostUnreachable("controller01 does not answer")

    monkeypatch.setattr(standing, "read", silent)
    assert preview.left(site) == ()


@pytest.mark.parametrize("profile", ["lab", "two-node"])
def test_small_cluster_renders_every_file(site_of, cluster, profile):
    few = replace(inventory.load(profile), services=cluster.services)
    site = site_of(few)
    context = Context(few, site.catalogue, site.platform, Unsaved(), site.found)
    absent = OPTIONAL - {project.name for project in site.catalogue.projects}
    accounts = {catalogue.load().projects[name].get("account") for name in absent} - {None}
    for node in few.nodes:
        for file in files(context, node, site.catalogue.on(node)):
            assert [name for name in accounts if f"unsaved keystone.{name}\n" in file.text] == [], file.path


def test_no_check_is_about_an_absent_project(cluster):
    intended = Intended.of(cluster)
    there = {project.name for project in intended.catalogue.projects}
    for listed in subjects.SUBJECTS.values():
        for subject in listed(intended):
            service = getattr(subject, "service", None)
            assert service is None or isinstance(service, str) or service.project in there


def test_drills_use_present_services_only(cluster):
    known = catalogue.load().of(cluster)
    assert {target.service for target in targets(known) if target.service not in known.services} == set()
    assert {probe.name.partition("/")[0] for probe in probes(cluster, known, SignedIn("t", "p1"))} <= {
        "vip",
        *map(str, known.services),
    }
