"""Quotas hold: more is refused in words that name the quota, what was there stays, and a raised quota lets it in."""

import pytest

from deploy import cloud
from fixtures import quotas
from fixtures.resources import RESOURCES, Things

pytestmark = [pytest.mark.flow, pytest.mark.project("keystone", "glance", "nova", "neutron", "content")]


class Quota:
    """One quota: its service and name there, the kind of things that it limits, and the words of its refusal.

    `has_one`: the tenant has a thing of the kind before. `raised`: another one is made after; both where that is quick.
    """

    def __init__(self, service, name, kind, words, *, has_one=True, raised=True):
        self.service, self.name, self.kind, self.words = service, name, kind, words
        self.has_one, self.raised = has_one, raised


def networks(name, kind, **more):
    return Quota("network", name, kind, rf"409.*Quota exceeded for resources: \['{name}'\]", **more)


def servers(name, words, **more):
    return Quota("compute", name, "server", rf"403.*Quota exceeded for {name}: {words}", has_one=False, **more)


QUOTAS = [
    networks("network", "network"),
    networks("subnet", "subnet"),
    networks("port", "port"),
    networks("router", "router", has_one=False),
    networks("floatingip", "floating IP"),
    networks("security_group", "security group"),
    networks("security_group_rule", "security group rule"),
    Quota("block-storage", "volumes", "volume", r"413.*allowed \(0\) exceeded for quota 'volumes'"),
    Quota("block-storage", "gigabytes", "volume", r"413.*exceeds allowed gigabytes quota"),
    Quota("block-storage", "snapshots", "volume snapshot", r"413.*snapshots allowed \(0\) exceeded"),
    Quota("compute", "key_pairs", "key pair", "403.*Quota exceeded, too many key pairs"),
    Quota("compute", "server_groups", "server group", "403.*Quota exceeded, too many server groups"),
    servers("cores", "Requested 1, but already used 0 of 0", raised=False),
    servers("ram", r"Requested \d+, but already used 0 of 0", raised=False),
    servers("instances", "Requested 1, but already used 0 of 0"),
]


def cases():
    """Every quota as a parameter, left out where the cloud lacks its service or a feature."""
    kinds = {each: RESOURCES[each.kind] for each in QUOTAS}
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.project(kind.project), pytest.mark.needs(*kind.needs)])
        for each, kind in kinds.items()
    ]


@pytest.fixture(scope="module")
def things(projects, tenant, offers):
    """The tenant's things; `projects` skips where nobody may set its quotas."""
    with cloud.explained("reading what the cloud offers"):
        session = tenant.session
        return Things(
            tenant,
            flavor=session.compute.find_flavor(offers.flavor, ignore_missing=False).id,
            outside=session.network.find_network(offers.network, ignore_missing=False).id,
            **{"guest image": session.image.find_image(offers.image, ignore_missing=False).id},
        )


@pytest.mark.parametrize("quota", cases())
def test_quota_is_held_until_it_is_raised(admin, tenant, things, quota):
    kept = things[quota.kind] if quota.has_one else ""
    with quotas.limited(admin, tenant.project.id, quota.service, **{quota.name: 0}):
        with pytest.raises(cloud.ApiError, match=quota.words):
            things.another(quota.kind)
        if kept:
            assert things.shown(quota.kind, kept)
    if quota.raised:
        assert things.shown(quota.kind, things.another(quota.kind))


def test_project_keeps_no_quota_when_it_goes(admin, projects):
    brief = projects.make()
    project, services = brief.project.id, {each.type for each in quotas.of(admin)}
    numbers = {"compute": {"instances": 1}, "network": {"network": 1}, "block-storage": {"volumes": 1}}
    set_here = {service: number for service, number in numbers.items() if service in services}
    try:
        for service, number in set_here.items():
            quotas.set_for(admin, project, service, **number)
        assert quotas.own(admin, project) == set_here
        quotas.reset(admin, project)
        assert quotas.own(admin, project) == {}
        quotas.set_for(admin, project, "network", network=1)
    finally:
        assert projects.remove(brief) == []
    with cloud.explained("listing the projects that have quotas of networks"):
        assert project not in admin.network.get("/quotas").text
