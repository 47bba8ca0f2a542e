"""Cinder: services are up, types and quotas are as they should be, locks hold everywhere, back ends are reached."""

import secrets

import pytest

from deploy.facts import exports, rpc, volume_group, volumes

pytestmark = pytest.mark.project("cinder")

LOCK = f"stackproof-{secrets.token_hex(4)}"
"""A lock that no service takes. A rehearsal of a check asks for the same."""


@pytest.mark.api
def test_service_is_up_and_enabled(cloud_says, cinder_service, expect):
    states = [
        ("up" if entry.up else "down", "enabled" if entry.enabled else "disabled")
        for entry in cloud_says(volumes.services)
        if (entry.binary, entry.host) == (cinder_service.service.name, cinder_service.node.name)
    ]
    expect(
        f"the state of {cinder_service.service.name} in Cinder",
        [" and ".join(words) for words in states],
        ["up and enabled"],
        f"openstack volume service list; journalctl -u {cinder_service.name}",
    )


@pytest.mark.api
def test_no_service_of_an_unknown_host_is_registered(cloud_says, cluster, expect):
    names = {node.name for node in cluster.nodes}
    every = expect.known("Cinder's services", cloud_says(volumes.services), "openstack volume service list")
    others = {f"{entry.binary} on {entry.host}" for entry in every if entry.host not in names}
    expect("services of hosts that are not in the inventory", others, set(), "cinder-manage service remove")


@pytest.mark.needs("ceph")
@pytest.mark.own
@pytest.mark.api
def test_every_host_shares_its_volumes(cloud_says, expect):
    """A volume of one host alone cannot be used while that host is away."""
    every = [entry for entry in cloud_says(volumes.services) if entry.binary == "cinder-volume"]
    expect(
        "clusters of cinder-volume",
        {entry.cluster or entry.host for entry in every},
        {volumes.CLUSTER},
        f"cluster in {volumes.CONFIG}; cinder-manage cluster list",
    )


@pytest.mark.needs("ceph")
@pytest.mark.own
def test_every_host_takes_work_of_all_volumes(readings, everywhere, expect):
    queue = f"cinder-volume.{volumes.CLUSTER}"
    found = rpc.served(readings.first("cinder-volume"), volumes.CONFIG, [queue]).get(queue)
    hosts = len(readings.members("cinder-volume"))
    expect.that(
        f"processes that serve the queue {queue}, which all hosts share",
        found is not None and found.answers == found.consumers >= hosts,
        seen=found or "not known: RabbitMQ does not answer",
        expected=f"one on each of {hosts} hosts, and each answers a ping",
        look="rabbitmqctl -p cinder list_queues name consumers messages",
    )


@pytest.mark.needs("ceph")
@pytest.mark.own
def test_a_lock_is_held_by_one_host_alone(everywhere, expect):
    """Each host asks for the same lock, as its services do; without this, hosts would work on one volume at once."""
    found = everywhere(lambda host: volumes.lock(host, "cinder", LOCK), service="cinder-volume")
    others = len(found) - 1
    expect.that(
        "what the hosts get that ask for one lock",
        sorted(found.values()) == [*[volumes.HELD] * others, volumes.TAKEN],
        seen=found,
        expected=f"{volumes.TAKEN} on one, {volumes.HELD} on {others}",
        look=f"[coordination] backend_url in {volumes.CONFIG}; systemctl status etcd",
    )


@pytest.mark.own
@pytest.mark.api
def test_type_asks_for_the_back_end(cloud_says, volume_type, cluster, expect):
    look = "openstack volume type list --long"
    expect(f"the back end of the type {volume_type}", cloud_says(volumes.types).get(volume_type), cluster.backend, look)


@pytest.mark.own
@pytest.mark.api
def test_type_has_its_limits(cloud_says, limited_type, cluster, expect):
    expect(
        f"the limits (QoS specs) of the type {limited_type}",
        cloud_says(volumes.limits).get(limited_type),
        {"consumer": volumes.FRONT_END, **cluster.cinder.types[limited_type].specs},
        "openstack volume qos list; openstack volume type show; a build sets them right",
    )


@pytest.mark.own
@pytest.mark.api
def test_default_quota_is_the_inventorys(cloud_says, volume_quota, cluster, expect):
    """Projects with a quota of their own keep it."""
    expect(
        f"the default quota of {volume_quota}",
        cloud_says(volumes.quotas).get(volume_quota),
        cluster.cinder.quotas.settings[volume_quota],
        "openstack quota show --default; a build sets it right",
    )


@pytest.mark.needs("lvm")
@pytest.mark.own
def test_volume_group_is_whole(reader, cinder_volume_host, cluster, expect):
    group = volume_group.read(reader, cluster.cinder.volume_group, cluster.disks(cinder_volume_host))
    expect(f"the volume group {group.name}", "there" if group.there else "missing", "there", "vgs")
    expect(f"disks that are not in the volume group {group.name}", group.outside, (), "pvs; a build adds them")


@pytest.mark.needs("nfs")
@pytest.mark.own
def test_exports_answer(reader, cinder_volume_host, cluster, expect):
    found = exports.refused(reader, cluster.cinder.shares)
    expect("exports that cannot be used", found, {}, "showmount -e SERVER; cinder.shares in the inventory")


@pytest.mark.needs("ceph")
@pytest.mark.own
def test_clients_reach_their_pools(reader, cinder_volume_host, standing, expect):
    for client, pool in (
        (each.client, pool) for each in standing.catalogue.project("cinder").rbd for pool in each.pools
    ):
        found = volumes.refused(reader, "cinder", client, pool)
        expect(f"why client.{client} cannot list the pool {pool}", found, "", f"rbd --id {client} --pool {pool} ls")
