"""A tenant boots an instance and reaches it from outside: ping, its metadata over HTTP, a login with the key pair."""

import pytest

pytestmark = [pytest.mark.deploy, pytest.mark.flow]


@pytest.fixture(scope="module")
def instance(demo, instances):
    return instances.reachable(demo)


def test_instance_is_active(instance):
    assert instance.server.status == "ACTIVE"


def test_it_answers_ping(instance):
    assert instance.answers_ping()


def test_it_read_its_own_id_from_the_metadata_service(instance):
    assert instance.page("/").strip() == instance.server.id


def test_it_lets_the_key_pair_in_as_cirros(instance):
    assert instance.login("id -un") == "cirros"


def test_it_refuses_a_login_without_the_key(instance):
    assert instance.refuses_a_stranger()
