"""Where Nova puts a tenant's servers: on a compute that is named, together, apart, or nowhere, and then it says why."""

from contextlib import contextmanager

import pytest

from deploy import cloud
from deploy.errors import StepFailed
from fixtures.guests import bare
from fixtures.instances import awaited, fault, from_image

NOWHERE = "No valid host was found"
BLANK = 1 << 20
"""Bytes of the servers' image."""
MOST = 4
"""Computes of which each gets a member of one group; more would take minutes."""
TERABYTES = 1_000_000
"""GiB of disk, which no quota counts, so that only the scheduler refuses them."""
pytestmark = [pytest.mark.flow, pytest.mark.nightly, pytest.mark.project("nova-compute", "content")]


@pytest.fixture(scope="module")
def blank(tenant):
    """An image of nothing: its guests use no processor, and where they run is all that matters here."""
    api = tenant.session.image
    with cloud.explained("uploading an image"):
        made = api.create_image(name=tenant.name("blank"), disk_format="raw", container_format="bare")
        tenant.made("image blank", made, api.delete_image)
        made.data = bytes(BLANK)
        made.upload(api)
    return from_image(made.id)


@pytest.fixture
def booted(tenant, offers, blank):
    """Boots a server without a network, and waits until it is active."""

    def boot(what, **how):
        return awaited(tenant, bare(tenant, offers, what, **blank, **how), "ACTIVE")

    return boot


@pytest.fixture
def host(admin, projects):
    """Returns the compute of a server, as only an administrator reads it."""

    def read(server):
        with cloud.explained("reading a server's compute"):
            return admin.compute.get_server(server.id).compute_host

    return read


@pytest.fixture(scope="module")
def computes(admin, projects):
    """The names of the computes that take servers."""
    with cloud.explained("listing the computes"):
        services = list(admin.compute.services(binary="nova-compute"))
    return sorted(each.host for each in services if each.state == "up" and each.status == "enabled")


@contextmanager
def grouped(tenant, policy):
    """What create_server() takes for a member of a new group."""
    compute = tenant.session.compute
    with tenant.briefly():
        with cloud.explained(f"making a group of policy {policy}"):
            group = compute.create_server_group(name=tenant.name(policy), policy=policy)
            tenant.made("server group", group, compute.delete_server_group)
        yield {"scheduler_hints": {"group": group.id}}


def test_tenant_may_not_name_a_compute(tenant, offers, computes):
    from openstack.exceptions import ForbiddenException

    with pytest.raises(ForbiddenException, match="forced_host"):
        bare(tenant, offers, "named", availability_zone=f"nova:{computes[-1]}")
    assert list(tenant.session.compute.servers()) == []


def test_administrator_names_the_compute(tenant, projects, computes, booted, host):
    with projects.administered(tenant.project) as inside, tenant.briefly():
        assert host(booted("named", session=inside, availability_zone=f"nova:{computes[-1]}")) == computes[-1]


@pytest.mark.needs("second-compute")
def test_members_of_an_affine_group_share_a_compute(tenant, booted, host):
    with grouped(tenant, "affinity") as group:
        members = [booted(f"together{number}", **group) for number in (1, 2)]
        assert len({host(each) for each in members}) == 1
        assert len({each.host_id for each in members}) == 1  # what the tenant sees of it


@pytest.mark.needs("second-compute")
def test_members_of_an_antiaffine_group_are_apart_until_no_compute_is_left(tenant, computes, booted, host):
    if len(computes) > MOST:
        pytest.skip(f"one server on each of {len(computes)} computes takes too long; up to {MOST} are filled")
    with grouped(tenant, "anti-affinity") as group:
        members = [booted(f"apart{number}", **group) for number in range(len(computes))]
        assert sorted(host(each) for each in members) == computes
        assert len({each.host_id for each in members}) == len(computes)
        with pytest.raises(StepFailed, match=NOWHERE):
            booted("one-more", **group)


def test_server_that_fits_nowhere_fails_and_says_why(tenant, offers, projects):
    with tenant.briefly():
        flavor = projects.flavor(tenant, "huge", vcpus=1, ram=128, disk=TERABYTES)
        server = bare(tenant, offers, "huge", flavor_id=flavor.id)
        with pytest.raises(StepFailed, match=NOWHERE) as failed:
            awaited(tenant, server, "ACTIVE")
        assert failed.value.what.endswith("is ERROR")
        assert NOWHERE in fault(tenant.session.compute.get_server(server.id))
