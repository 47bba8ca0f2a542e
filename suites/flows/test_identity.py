"""Who may sign in, as whom, for how long: domains, users, roles, application credentials, trusts, tokens, passwords."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from deploy import cloud
from deploy.facts import settings
from deploy.wait import until
from fixtures.sessions import answered, by_application_credential, by_password

LIFE = 15
"""Seconds for which the token lives that is to expire; a sign-in takes some of them."""
LATE = 15
"""Seconds after its end until which a token may still be let in: clocks differ, and Keystone answers late when busy."""
CACHED = 300
"""Seconds for which keystonemiddleware believes a token that it has seen, unless it is configured otherwise."""
PATIENT = 60
"""Seconds that this flow waits for the end of that."""
KEYSTONE = ("identity", "/auth/projects")
SERVICES = {"network": "/networks", "image": "/images"}
ASKED = 12
IN, OUT = "let in", "refused"
ANSWERS = {200: IN, 401: OUT, 404: OUT}
"""By status; Keystone answers 404 to a token of an application credential or a trust that is gone."""
REFUSED = "The request you have made requires authentication."
"""Keystone's answer to everybody who may not sign in, without the reason."""
pytestmark = [pytest.mark.flow, pytest.mark.nightly, pytest.mark.project("keystone", "glance", "neutron", "content")]


@pytest.fixture(scope="module")
def domain(projects):
    """A domain of its own, which is removed with all it has."""
    made = projects.domain()
    yield made
    projects.dissolve(made)


class Person:
    """A user of a domain, with one role in a project there: that of another person, or a new one."""

    def __init__(self, admin, domain, role, project=None):
        self.admin, self.identity, self.password = admin, admin.identity, secrets.token_hex(16)
        name = f"person-{secrets.token_hex(3)}"
        with cloud.explained("making a user in the domain"):
            self.project = project or self.identity.create_project(name=name, domain_id=domain.id)
            self.user = self.identity.create_user(name=name, domain_id=domain.id, password=self.password)
            self.identity.assign_project_role_to_user(self.project, self.user, role)

    def session(self, password=""):
        return by_password(self.admin, self.user.id, password or self.password, project_id=self.project.id)

    def refusal(self, password=""):
        """Keystone's answer to a sign-in that it must refuse."""
        return refusal(self.session(password))


@pytest.fixture(scope="module")
def member(admin):
    with cloud.explained("reading the roles"):
        return admin.identity.find_role("member", ignore_missing=False)


@pytest.fixture(scope="module")
def home(admin, domain, member):
    """The project of all persons of the domain."""
    return Person(admin, domain, member).project


@pytest.fixture
def person(admin, domain, member, home):
    return Person(admin, domain, member, home)


def access(session):
    """What Keystone says about a session's token; signs in."""
    with cloud.explained("signing in"):
        return session.session.auth.get_access(session.session)


def refusal(session):
    """Keystone's words to a sign-in that it must refuse."""
    from keystoneauth1.exceptions import NotFound, Unauthorized

    with pytest.raises((NotFound, Unauthorized)) as raised:
        session.session.auth.get_access(session.session)
    return raised.value.message


def statuses(admin, token, *services):
    """Whether Keystone and services let in who has that token; another status than theirs for that as it is."""
    found = [answered(admin, token, *KEYSTONE), *(answered(admin, token, each, SERVICES[each]) for each in services)]
    return [ANSWERS.get(status, status) for status in found]


def refused(admin, token, *services):
    """Ask so often that every member of Keystone answers, and several of its processes; none may let the token in."""
    assert {status for _ in range(ASKED) for status in statuses(admin, token, *services)} == {OUT}


def test_user_of_a_domain_works_in_its_project(domain, person):
    session = person.session()
    token = access(session)
    assert (token.user_domain_id, token.project_domain_id, token.project_id) == (
        domain.id,
        domain.id,
        person.project.id,
    )
    with cloud.explained("making a security group"):
        group = session.network.create_security_group(name=f"stackproof-{person.user.name}")
        session.network.delete_security_group(group)
    assert group.project_id == person.project.id


def test_wrong_password_and_unknown_user_get_the_same_answer(admin, person):
    assert REFUSED in person.refusal("not the password")
    assert REFUSED in refusal(by_password(admin, secrets.token_hex(16), "any", project_id=person.project.id))


def test_token_for_a_project_without_a_role_is_refused(admin, tenant, person):
    foreign = tenant.session.current_project_id
    assert REFUSED in refusal(by_password(admin, person.user.id, person.password, project_id=foreign))


def test_role_counts_until_it_is_taken_away(admin, projects, domain, home):
    role = projects.role()
    try:
        person = Person(admin, domain, role, home)
        token = access(person.session())
        assert token.role_names == [role.name]
        with cloud.explained("taking the role away"):
            admin.identity.unassign_project_role_from_user(person.project, person.user, role)
        assert statuses(admin, token.auth_token, "network") == [OUT, OUT]
        assert REFUSED in person.refusal()
    finally:
        projects.dissolve(role)


def test_password_is_changed_by_its_user(admin, person):
    old, new = person.password, secrets.token_hex(16)
    session = person.session()
    token = access(session).auth_token
    change = {"user": {"original_password": old, "password": new}}
    assert session.identity.post(f"/users/{person.user.id}/password", json=change).status_code == 204
    assert REFUSED in person.refusal(old)
    assert access(person.session(new)).user_id == person.user.id
    assert statuses(admin, token, "network") == [OUT, OUT]


def test_disabled_user_is_refused_until_enabled(admin, person):
    token = access(person.session()).auth_token
    with cloud.explained("disabling a user"):
        admin.identity.update_user(person.user, is_enabled=False)
    assert REFUSED in person.refusal()
    refused(admin, token)
    with cloud.explained("enabling a user"):
        admin.identity.update_user(person.user, is_enabled=True)
    assert access(person.session()).user_id == person.user.id


def test_domain_is_removed_with_its_users_once_it_is_disabled(admin, projects, member):
    from openstack.exceptions import ForbiddenException

    brief = projects.domain()
    try:
        person = Person(admin, brief, member)
        token = access(person.session()).auth_token
        with pytest.raises(ForbiddenException, match="disable"):
            admin.identity.delete_domain(brief)
        admin.identity.update_domain(brief, is_enabled=False)
        assert REFUSED in person.refusal()
        refused(admin, token)
    finally:
        projects.dissolve(brief)
    assert admin.identity.find_user(person.user.id) is None
    assert admin.identity.find_project(person.project.id) is None


def credential(tenant, what, **more):
    """An application credential of the tenant, with its secret."""
    identity, path = tenant.session.identity, f"/users/{tenant.session.current_user_id}/application_credentials"
    body = {"application_credential": {"name": tenant.name(what), **more}}
    with cloud.explained("making an application credential"):
        answer = cloud.done(identity.post(path, json=body))
    made = answer.json()["application_credential"]
    return tenant.made("application credential", made, lambda each: identity.delete(f"{path}/{each['id']}"))


def test_application_credential_works_for_its_owner_until_it_is_deleted(admin, tenant):
    with tenant.briefly():
        made = credential(tenant, "robot")
        robot = by_application_credential(tenant.session, made)
        token = access(robot)
        assert (token.user_id, token.project_id) == (tenant.session.current_user_id, tenant.session.current_project_id)
        with cloud.explained("listing images"):
            assert list(robot.image.images())
    refused(tenant.session, token.auth_token, "network")
    assert "Could not find Application Credential" in refusal(by_application_credential(tenant.session, made))


def test_application_credential_makes_no_other_one(tenant):
    with tenant.briefly():
        robot = by_application_credential(tenant.session, credential(tenant, "restricted"))
        path = f"/users/{tenant.session.current_user_id}/application_credentials"
        body = {"application_credential": {"name": tenant.name("another")}}
        assert robot.identity.post(path, json=body, raise_exc=False).status_code == 403


def test_token_expires_everywhere(tenant):
    """A token of an application credential ends with it, and no other token of this cloud ends within a flow."""
    ends = datetime.now(UTC) + timedelta(seconds=LIFE)
    with tenant.briefly():
        made = credential(tenant, "short-lived", expires_at=ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        token = access(by_application_credential(tenant.session, made))
        if abs(token.expires - ends) > timedelta(seconds=1):
            pytest.skip(
                "this Keystone lets tokens outlive their application credential; [token] expiration of keystone.conf "
                "ends them, after longer than a flow waits"
            )
        assert statuses(tenant.session, token.auth_token, "network") == [IN, IN]
        until(
            lambda: statuses(tenant.session, token.auth_token, "network"),
            ready=lambda found: found == [OUT, OUT],
            timeout=(ends - datetime.now(UTC)).total_seconds() + LATE,
            interval=1,
            what="a token that has expired",
            expected="refused by Keystone and by Neutron, which has seen it before",
            hint="clocks of the controllers (chronyc tracking); [keystone_authtoken] of neutron.conf",
        )
        assert datetime.now(UTC) >= ends - timedelta(seconds=1)
        assert REFUSED in refusal(by_application_credential(tenant.session, made))


def test_trust_lets_its_trustee_act_for_the_trustor_until_it_is_deleted(tenant, stranger):
    identity = tenant.session.identity
    trust = {
        "trustor_user_id": tenant.session.current_user_id,
        "trustee_user_id": stranger.user.id,
        "project_id": tenant.session.current_project_id,
        "impersonation": False,
        "roles": [{"name": "member"}],
    }

    def trusted_by(identifier):
        return by_password(tenant.session, stranger.user.id, stranger.password, trust_id=identifier)

    with tenant.briefly():
        with cloud.explained("making a security group and a trust"):
            group = tenant.session.network.create_security_group(name=tenant.name("trusted"))
            tenant.made("security group", group, tenant.session.network.delete_security_group)
            answer = cloud.done(identity.post("/OS-TRUST/trusts", json={"trust": trust}))
        made = answer.json()["trust"]["id"]
        tenant.made("trust", made, lambda each: identity.delete(f"/OS-TRUST/trusts/{each}"))
        trusted = trusted_by(made)
        token = access(trusted)
        assert (token.user_id, token.project_id) == (stranger.user.id, tenant.project.id)
        assert "admin" not in token.role_names
        with cloud.explained("reading the trustor's security group"):
            assert trusted.network.get_security_group(group).name == group.name
    assert REFUSED in refusal(trusted_by(made))
    assert statuses(tenant.session, token.auth_token, "image") == [OUT, OUT]


@pytest.fixture(scope="module")
def revoked(tenant):
    """A token that Neutron has seen, and that was then revoked; Glance has not seen it."""
    robot = by_application_credential(tenant.session, credential(tenant, "revoked"))
    token = access(robot).auth_token
    assert statuses(tenant.session, token, "network") == [IN, IN]
    with cloud.explained("revoking a token"):
        cloud.done(robot.identity.delete("/auth/tokens", headers={"X-Subject-Token": token}))
    return token


def test_revoked_token_is_refused_at_once(tenant, revoked):
    assert statuses(tenant.session, revoked, "image") == [OUT, OUT]


def test_revoked_token_is_refused_by_who_has_seen_it_soon(site, tenant, revoked):
    configured = settings.read(site.members("neutron-api").first, "/etc/neutron/neutron.conf")
    believed = int(configured.get("keystone_authtoken.token_cache_time", CACHED))
    if believed > PATIENT:
        pytest.skip(
            f"Neutron believes for {believed} s a token that it has seen, and a flow waits {PATIENT} s: "
            "[keystone_authtoken] token_cache_time with less lets it see the end"
        )
    until(
        lambda: statuses(tenant.session, revoked, "network"),
        ready=lambda found: found == [OUT, OUT],
        timeout=believed + LATE,
        interval=1,
        what="a revoked token that Neutron has seen",
        expected=f"refused {believed} s after it was seen",
        hint="[keystone_authtoken] of neutron.conf",
    )
