"""A tenant's things are its own: no other tenant finds or touches them; and none does an administrator's work."""

import pytest

from deploy import cloud
from fixtures.resources import CHANGED, RESOURCES, USES, Request, Things, Use

NOTHING = "00000000-0000-4000-8000-000000000000"
"""An identifier of nothing."""


def administrators(project, service, **requests):
    """An administrator's requests to one service, by what they do."""
    return [
        Use(what.replace("_", " "), project, service, Request(*request, refused=403))
        for what, request in requests.items()
    ]


def named(key, **more):
    return {key: {"name": "{name}", **more}}


FLAT = {"provider:network_type": "flat", "provider:physical_network": "provider"}
ADMINISTRATORS = [
    *administrators(
        "nova",
        "compute",
        list_all_projects_servers=("GET", "/servers/detail?all_tenants=1"),
        list_hypervisors=("GET", "/os-hypervisors"),
        list_computes=("GET", "/os-services"),
        make_a_flavor=("POST", "/flavors", named("flavor", ram=64, vcpus=1, disk=0)),
        raise_a_quota_of_servers=("PUT", "/os-quota-sets/{project}", {"quota_set": {"instances": -1}}),
    ),
    *administrators(
        "neutron",
        "network",
        make_a_provider_network=("POST", "/networks", named("network", **FLAT)),
        make_everybodys_network=("POST", "/networks", named("network", shared=True)),
        make_an_external_network=("POST", "/networks", named("network", **{"router:external": True})),
        raise_a_quota_of_networks=("PUT", "/quotas/{project}", {"quota": {"network": -1}}),
    ),
    *administrators(
        "keystone",
        "identity",
        list_users=("GET", "/users"),
        make_a_user=("POST", "/users", named("user")),
        make_a_project=("POST", "/projects", named("project")),
        make_a_role=("POST", "/roles", named("role")),
        make_a_service=("POST", "/services", {"service": {"type": "{name}"}}),
    ),
    *administrators(
        "cinder",
        "block_storage",
        list_backends=("GET", "/os-services"),
        make_a_volume_type=("POST", "/types", named("volume_type")),
        raise_a_quota_of_volumes=("PUT", "/os-quota-sets/{project}", {"quota_set": {"volumes": -1}}),
        reset_a_volume=("POST", "/volumes/{volume}/action", {"os-reset_status": {"status": "error"}}),
    ),
    *administrators(
        "glance", "image", make_everybodys_image=("POST", "/images", {"name": "{name}", "visibility": "public"})
    ),
    *administrators("placement", "placement", list_resource_providers=("GET", "/resource_providers")),
]
pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.project("keystone", "glance", "nova", "neutron", "content"),
]


def cases(table):
    """A table as parameters, each left out where the cloud lacks its service or a feature."""
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.project(each.project), pytest.mark.needs(*each.needs)])
        for each in table
    ]


@pytest.fixture(scope="module")
def things(tenant, stranger, offers):
    """The tenant's things; those that take long to be ready are begun."""
    with cloud.explained("reading what the cloud offers"):
        session = tenant.session
        given = {
            "guest image": session.image.find_image(offers.image, ignore_missing=False).id,
            "flavor": session.compute.find_flavor(offers.flavor, ignore_missing=False).id,
            "outside": session.network.find_network(offers.network, ignore_missing=False).id,
            "nothing": NOTHING,
        }
    return Things(tenant, Things(stranger, **given), **given)


def asked(things, resource, requests, by=None):
    """The answers to requests about the tenant's thing, by what they try."""
    found = things[resource.name]
    return {
        what: things.answer(resource.service, request, resource.microversion, by=by, id=found)
        for what, request in requests.items()
    }


@pytest.mark.parametrize("resource", cases(RESOURCES.values()))
def test_stranger_neither_finds_nor_touches_it(things, stranger, resource):
    things.settled(resource.name)
    requests = resource.requests()
    answers = asked(things, resource, requests, by=stranger)
    refused = {what: request.refused for what, request in requests.items()}
    assert {what: answer.status_code for what, answer in answers.items()} == refused
    assert [what for what, answer in answers.items() if answer.ok and things[resource.name] in answer.text] == []


@pytest.mark.parametrize("use", cases(USES))
def test_stranger_makes_nothing_of_it(things, stranger, use):
    answer = things.answer(use.service, use.request, by=stranger)
    assert answer.status_code == use.request.refused, answer.text


@pytest.mark.parametrize("resource", cases(RESOURCES.values()))
def test_owner_still_has_it_unchanged_and_is_not_refused(things, resource):
    """By the same requests, which shows that the stranger was refused as a stranger, and not for a mistake in them."""
    before = asked(things, resource, {"show": resource.requests()["show"]})["show"]
    assert before.status_code == 200
    assert CHANGED not in before.text
    requests = {what: each for what, each in resource.requests().items() if each.owners}
    answers = asked(things, resource, requests)
    assert {what: answer.text for what, answer in answers.items() if not answer.ok} == {}
    lists = {what: things[resource.name] in answer.text for what, answer in answers.items() if what.startswith("list")}
    assert all(lists.values()), f"the owner does not find its {resource.name} by all of these: {lists}"
    if "change" in answers:
        assert CHANGED in asked(things, resource, {"show": requests["show"]})["show"].text


@pytest.mark.parametrize("work", cases(ADMINISTRATORS))
def test_tenant_does_no_administrators_work(things, work):
    answer = things.answer(work.service, work.request)
    assert answer.status_code == work.request.refused, answer.text
