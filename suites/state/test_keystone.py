"""Keystone: a token of one member is good at all, the catalogue is complete, and everyone has their role alone."""

from collections import Counter
from functools import partial

import pytest

from deploy.facts import identity

INTERFACES = ("public", "internal", "admin")
DEFAULTS = ("123456",)
"""What the field guides set every password to."""
LOOK = "openstack catalog list"


@pytest.mark.api
def test_a_token_of_one_controller_is_valid_on_each(readings, cluster, standing, handover, expect):
    given = readings.cloud(identity.credentials)
    issuer, other = (standing.addresses.at(node, "keystone") for node in (handover.issuer, handover.node))
    ticket = readings.sign_in(issuer.url("/v3"), given["username"], given["password"], given["project_name"])
    expect.that(
        f"signing in at {handover.issuer.name}",
        ticket.status == 201,
        seen=ticket.status or ticket.why,
        expected="status 201",
        look=f"Keystone's log on {handover.issuer.name}",
    )
    shown = spelled_apart(ticket.token, cluster.nodes.index(handover.node))
    answer = readings.page(
        other.url("/v3/auth/tokens?nocatalog"),
        headers={"X-Auth-Token": shown, "X-Subject-Token": shown},
    )
    expect.that(
        f"a token that {handover.issuer.name} issued",
        answer.status == 200,
        seen=f"status {answer.status}" if answer.status else answer.text,
        expected="status 200",
        look="/etc/keystone/fernet-keys, which must be the same on all members",
    )


def spelled_apart(token, number):
    """The token as nobody else shows it. By its letters the members' common cache would know it, and none of them
    would try its keys; signs after the end of base64 text change the letters and not what they mean."""
    return token + "=" * (-len(token) % 4) + "====" * (number + 1)


@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_the_catalogue_lists_it(cloud_says, endpoint, interface, cluster, expect):
    found = listed(cloud_says(identity.endpoints), endpoint, interface)
    expect(
        f"regions of the {interface} endpoints of type {endpoint.endpoint.type}",
        [told.region for told in found],
        [cluster.region],
        LOOK,
    )


@pytest.mark.own
@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_the_catalogue_says_where_it_is(cloud_says, endpoint, interface, standing, expect):
    found = listed(cloud_says(identity.endpoints), endpoint, interface)
    expect(
        f"URL of the {interface} endpoint of {endpoint.name}",
        [told.url for told in found],
        [standing.addresses.endpoint(endpoint.name)],
        LOOK,
    )


@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_what_the_catalogue_lists_answers(readings, together, endpoint, interface, expect):
    urls = [told.url for told in listed(readings.cloud(identity.endpoints), endpoint, interface)]
    answers = together({url: partial(readings.page, without_project(url)) for url in urls})
    wrong = {url: answer.status or answer.text for url, answer in answers.items() if not is_served(answer)}
    expect.that(
        f"the {interface} endpoint of {endpoint.name}",
        bool(urls) and not wrong,
        seen=wrong or "no endpoint",
        expected="an answer of the service: its versions, or a request to sign in",
        look=f"{LOOK}, and HAProxy's statistics page",
    )


def listed(endpoints, service, interface):
    return [told for told in endpoints if (told.type, told.interface) == (service.endpoint.type, interface)]


def without_project(url):
    """The URL without the place for a project's identifier, and what follows it."""
    return url.partition("%(")[0].partition("$(")[0]


def is_served(answer):
    """Versions (200, 300, or a way to them), or nothing without a token."""
    return answer.status in {200, 300, 301, 302, 401}


@pytest.mark.own
@pytest.mark.api
def test_the_catalogue_lists_nothing_else(cloud_says, standing, expect):
    known = {service.endpoint.type for service in standing.catalogue.endpoints()}
    others = {f"{told.service} ({told.url})" for told in cloud_says(identity.endpoints) if told.type not in known}
    expect("endpoints of services that were not built", others, set(), LOOK)


@pytest.mark.api
@pytest.mark.parametrize("project", ["admin", "service", pytest.param("demo", marks=pytest.mark.own)])
def test_the_project_is_there(cloud_says, project, expect):
    seen = cloud_says(identity.projects)
    expect(f"projects named {project}", Counter(seen)[project], 1, "openstack project list")


@pytest.mark.api
def test_the_account_may_do_its_work(cloud_says, account, expect):
    seen = {
        told.role
        for told in cloud_says(identity.assignments)
        if (told.user, told.place) == (account, "project service")
    }
    expect.that(
        f"roles of {account} in the project service",
        "admin" in seen,
        seen=seen,
        expected="admin among them",
        look=f"openstack role assignment list --names --user {account}",
    )


@pytest.mark.own
@pytest.mark.api
def test_the_account_may_do_nothing_elsewhere(cloud_says, account, expect):
    seen = {told.place for told in cloud_says(identity.assignments) if told.user == account}
    expect(
        f"where {account} has roles",
        seen,
        {"project service"},
        f"openstack role assignment list --names --user {account}",
    )


@pytest.mark.own
@pytest.mark.api
def test_the_tenant_is_a_tenant_only(cloud_says, expect):
    seen = {(told.role, told.place) for told in cloud_says(identity.assignments) if told.user == "demo"}
    expect(
        "roles of demo, without those that others imply",
        {f"{role} in {place}" for role, place in seen if role != "reader"},
        {"member in project demo"},
        "openstack role assignment list --names --user demo",
    )


@pytest.mark.slow
@pytest.mark.parametrize("password", DEFAULTS)
def test_no_default_password_works(readings, somebody, password, standing, expect):
    ticket = readings.sign_in(standing.addresses.endpoint("keystone"), somebody, password)
    expect.that(
        f"signing in as {somebody} with {password}",
        ticket.status == 401,
        seen=f"status {ticket.status}" if ticket.status else ticket.why,
        expected="status 401: refused",
        look=f"openstack user set --password-prompt {somebody}",
    )
