"""Wrong passwords lock a user out, who then cannot sign in with the right one either; exempt users are never locked."""

import secrets

import pytest

from deploy import cloud
from fixtures.checks.questions import SignIn, sign_in
from fixtures.cloud import Tenant

REFUSED, LET_IN = 401, 201
pytestmark = [pytest.mark.deploy, pytest.mark.flow]


@pytest.fixture(scope="module")
def attempts(site):
    """The number of failed sign-ins after which Keystone locks a user out."""
    return site.cluster.passwords.lockout_failure_attempts or pytest.skip("this cluster locks nobody out")


@pytest.fixture(scope="module")
def keystone_admin(site, keystone):
    """The administrator's session; the users that it makes are deleted at the end, and a leftover is an error."""
    with cloud.connect(site) as session:
        tenant = Tenant(session)
        yield tenant
        left = tenant.remove_all()
    if left:
        pytest.fail("not removed:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture
def user(site, keystone_admin):
    """Makes a user; returns a function that signs in as that user."""

    def make(what, *, exempt=False):
        users, password = keystone_admin.session.identity, secrets.token_hex(16)
        with cloud.explained("making a user"):
            made = keystone_admin.made(
                "user", users.create_user(name=keystone_admin.name(what), password=password), users.delete_user
            )
            if exempt:
                cloud.exempt(keystone_admin.session, made)
        url = site.addresses.endpoint("keystone")

        def signs_in(*, rightly):
            return sign_in(SignIn(url, made.name, password if rightly else f"not {password}", ca=site.ca)).status

        return signs_in

    return make


def test_a_user_is_locked_out_after_wrong_passwords(user, attempts):
    signs_in = user("locked-out")
    assert signs_in(rightly=True) == LET_IN
    assert [signs_in(rightly=False) for _ in range(attempts)] == [REFUSED] * attempts
    assert signs_in(rightly=True) == REFUSED


def test_a_user_who_makes_fewer_mistakes_is_let_in(user, attempts):
    signs_in = user("mistaken")
    assert [signs_in(rightly=False) for _ in range(attempts - 1)] == [REFUSED] * (attempts - 1)
    assert signs_in(rightly=True) == LET_IN


def test_an_exempt_user_is_never_locked_out(user, attempts):
    signs_in = user("exempt", exempt=True)
    assert [signs_in(rightly=False) for _ in range(attempts + 1)] == [REFUSED] * (attempts + 1)
    assert signs_in(rightly=True) == LET_IN
