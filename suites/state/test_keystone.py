"""Keystone: a token of one member is valid at all, the catalogue is complete, and each user has its role alone."""

from collections import Counter
from functools import partial

import pytest

from deploy import cloud
from deploy.facts import identity, settings

INTERFACES = ("public", "internal", "admin")
DEFAULTS = ("123456",)
"""The password that installation guides use for every user."""
LOOK = "openstack catalog list"
LENIENT = 10
"""The most failed sign-ins that a guesser may have in a row."""
UPSTREAM = 12
"""Keystone's default of password_hash_rounds for bcrypt."""
IMPLIED = {"member", "reader"}
"""The roles that admin implies, which Keystone lists with it."""


@pytest.mark.api
def test_token_of_one_keystone_is_valid_at_every_keystone(readings, cluster, standing, handover, expect):
    admin = readings.cloud(identity.credentials)
    issuer, other = (standing.addresses.at(node, "keystone") for node in (handover.issuer, handover.node))
    ticket = readings.sign_in(issuer.url("/v3"), admin["username"], admin["password"], admin["project_name"])
    expect.that(
        f"signing in at {handover.issuer.name}",
        ticket.status == 201,
        seen=ticket.status or ticket.why,
        expected="status 201",
        look=f"Keystone's log on {handover.issuer.name}",
    )
    shown = unique_spelling(ticket.token, cluster.nodes.index(handover.node))
    answer = readings.page(
        other.url("/v3/auth/tokens?nocatalog"),
        headers={"X-Auth-Token": shown, "X-Subject-Token": shown},
    )
    expect.that(
        f"validating a token of {handover.issuer.name}",
        answer.status == 200,
        seen=f"status {answer.status}" if answer.status else answer.text,
        expected="status 200",
        look="/etc/keystone/fernet-keys, which must be the same on all members",
    )


def unique_spelling(token, number):
    """The token with extra padding, so that each member checks it with its own keys.

    A common cache of the members finds tokens by their text, and a hit would skip the keys. Padding after the end of
    base64 changes the text and not the decoded value.
    """
    return token + "=" * (-len(token) % 4) + "====" * (number + 1)


@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_catalogue_lists_the_endpoint(cloud_says, endpoint, interface, cluster, expect):
    found = listed(cloud_says(identity.endpoints), endpoint, interface)
    expect(
        f"regions of the {interface} endpoints of type {endpoint.endpoint.type}",
        [entry.region for entry in found],
        [cluster.region],
        LOOK,
    )


@pytest.mark.own
@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_catalogue_gives_the_url_of_the_endpoint(cloud_says, endpoint, interface, standing, expect):
    found = listed(cloud_says(identity.endpoints), endpoint, interface)
    expect(
        f"URL of the {interface} endpoint of {endpoint.name}",
        [entry.url for entry in found],
        [standing.addresses.endpoint(endpoint.name)],
        LOOK,
    )


@pytest.mark.api
@pytest.mark.parametrize("interface", INTERFACES)
def test_listed_endpoint_answers(readings, together, endpoint, interface, expect):
    urls = [entry.url for entry in listed(readings.cloud(identity.endpoints), endpoint, interface)]
    answers = together({url: partial(readings.page, without_project(url)) for url in urls})
    wrong = {url: answer.status or answer.text for url, answer in answers.items() if not is_served(answer)}
    expect.that(
        f"the {interface} endpoint of {endpoint.name}",
        bool(urls) and not wrong,
        seen=wrong or "no endpoint",
        expected="an answer of the service: its versions, or a demand to sign in",
        look=f"{LOOK}, and HAProxy's statistics page",
    )


def listed(endpoints, service, interface):
    return [entry for entry in endpoints if (entry.type, entry.interface) == (service.endpoint.type, interface)]


def without_project(url):
    """The URL up to the placeholder for a project's ID."""
    return url.partition("%(")[0].partition("$(")[0]


def is_served(answer):
    """True for versions (200, 300), a redirect to them (301, 302), or a demand for a token (401)."""
    return answer.status in {200, 300, 301, 302, 401}


@pytest.mark.own
@pytest.mark.api
def test_catalogue_lists_no_unknown_service(cloud_says, standing, expect):
    known = {service.endpoint.type for service in standing.catalogue.endpoints()}
    found = expect.known("endpoints", cloud_says(identity.endpoints), LOOK)
    others = {f"{entry.service} ({entry.url})" for entry in found if entry.type not in known}
    expect("endpoints of services that this cluster does not have", others, set(), LOOK)


@pytest.mark.api
@pytest.mark.parametrize("project", ["admin", "service", pytest.param("demo", marks=pytest.mark.own)])
def test_project_exists(cloud_says, project, expect):
    names = cloud_says(identity.projects)
    expect(f"enabled projects named {project}", Counter(names)[project], 1, "openstack project list --long")


@pytest.mark.own
@pytest.mark.api
def test_service_user_has_the_roles_that_it_needs_alone(cloud_says, account, standing, expect):
    roles = {
        entry.role
        for entry in cloud_says(identity.assignments)
        if (entry.user, entry.place) == (account, "project service")
    }
    wanted = {"service", "admin"} if account in administrators(standing) else {"service"}
    expect(
        f"roles of {account} in the project service, without those that admin implies",
        roles - (IMPLIED if "admin" in roles else set()),
        wanted,
        f"openstack role assignment list --names --user {account}; `administers` in templates/*/service.toml",
    )


@pytest.mark.own
@pytest.mark.api
@pytest.mark.parametrize("place", ["project service", "system"], ids=["service", "system"])
def test_nobody_else_is_admin_there(cloud_says, place, standing, expect):
    roles = expect.known("role assignments", cloud_says(identity.assignments), "openstack role assignment list --names")
    expect(
        f"users with the role admin in {place}",
        {entry.user for entry in roles if (entry.role, entry.place) == ("admin", place)},
        administrators(standing) if place.startswith("project") else {"admin"},
        "openstack role assignment list --names --role admin",
    )


def administrators(standing):
    """The services' users that need the role admin."""
    return {project.account for project in standing.catalogue.projects if project.administers}


@pytest.mark.own
@pytest.mark.api
def test_service_user_has_no_role_elsewhere(cloud_says, account, expect):
    places = {entry.place for entry in cloud_says(identity.assignments) if entry.user == account}
    expect(
        f"projects and domains in which {account} has roles",
        places,
        {"project service"},
        f"openstack role assignment list --names --user {account}",
    )


@pytest.mark.own
@pytest.mark.api
def test_no_unknown_user_is_admin(cloud_says, standing, expect):
    projects = standing.catalogue.projects
    extras = [project.keystone for project in projects if project.keystone.domain]
    domain_admins = {f"{extra.domain_admin} of domain {extra.domain}" for extra in extras}
    known = {"admin", *administrators(standing), *domain_admins}
    roles = expect.known("role assignments", cloud_says(identity.assignments), "openstack role assignment list --names")
    others = {f"{entry.user} in {entry.place}" for entry in roles if entry.role == "admin" and entry.user not in known}
    expect(
        "users with the role admin besides admin and the services' users that need it, by name and domain",
        others,
        set(),
        "openstack role assignment list --names --role admin",
    )


@pytest.mark.own
@pytest.mark.api
def test_demo_user_is_only_a_member_of_its_project(cloud_says, expect):
    roles = {(entry.role, entry.place) for entry in cloud_says(identity.assignments) if entry.user == "demo"}
    expect(
        "roles of demo, without the implied role reader",
        {f"{role} in {place}" for role, place in roles if role != "reader"},
        {"member in project demo"},
        "openstack role assignment list --names --user demo",
    )


@pytest.mark.own
@pytest.mark.api
def test_nobody_can_lock_an_account_of_the_build(cloud_says, standing, expect):
    accounts = {project.account for project in standing.catalogue.projects if project.account}
    known = cloud_says(identity.options)
    without = {
        name: sorted(cloud.EXEMPT.keys() - {key for key, value in known.get(name, {}).items() if value is True})
        for name in (cloud.ADMIN, cloud.DEMO, *sorted(accounts))
    }
    expect(
        "users of the build without an exemption from lock-out, expiry or inactivity",
        {name: missing for name, missing in without.items() if missing},
        {},
        "openstack user show; a build sets the options",
    )


@pytest.mark.own
def test_users_are_locked_out_and_passwords_cost_what_they_should(reader, keystone_host, cluster, expect):
    seen = settings.read(reader, "/etc/keystone/keystone.conf")
    rules = cluster.passwords
    attempts = int(seen.get("security_compliance.lockout_failure_attempts", 0))
    expect.that(
        "failed sign-ins until a user is locked out",
        0 < attempts <= LENIENT or not rules.lockout_failure_attempts,
        seen=attempts or "any number",
        expected=f"1 to {LENIENT}, unless the inventory turns lock-out off",
        look=f"lockout_failure_attempts in /etc/keystone/keystone.conf on {keystone_host.name}",
    )
    algorithm = seen.get("identity.password_hash_algorithm", "bcrypt")
    rounds = int(seen.get("identity.password_hash_rounds", UPSTREAM))
    expect.that(
        "how Keystone hashes passwords",
        algorithm != "bcrypt" or rounds >= min(UPSTREAM, rules.password_hash_rounds),
        seen=f"{algorithm}, cost {rounds}",
        expected=f"bcrypt with a cost of at least {min(UPSTREAM, rules.password_hash_rounds)}, or another algorithm",
        look="password_hash_rounds in /etc/keystone/keystone.conf",
    )


@pytest.mark.slow
@pytest.mark.parametrize("password", DEFAULTS)
def test_default_password_is_refused(readings, somebody, password, standing, expect):
    ticket = readings.sign_in(standing.addresses.endpoint("keystone"), somebody, password)
    expect.that(
        f"signing in as {somebody} with {password}",
        ticket.status == 401,
        seen=f"status {ticket.status}" if ticket.status else ticket.why,
        expected="status 401: refused",
        look=f"openstack user set --password-prompt {somebody}",
    )
