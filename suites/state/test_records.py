"""Records: each host holds what the records of Neutron and Nova say and nothing else, and no record is an orphan.

Tenants create and delete while a check reads, and agents take seconds to follow. So a difference is read again on the
host and in the database LATER seconds on, and counts where it is still there.
"""

from functools import partial

import pytest

from deploy.facts import hosted, image, orphans, rbd, recorded

LATER = 45
"""Seconds; agents of a busy cluster follow a request within 20 s."""
AGENTS = "the log of the agent that makes it, on this host"
NOVA = "virsh list --all; /var/lib/nova/instances; openstack server show <UUID>; the log of nova-compute"

each_kind = partial(pytest.mark.parametrize, "kind", ids=lambda kind: kind.replace(" ", "-"))


@each_kind(hosted.NETWORKING)
@pytest.mark.project("neutron-agents")
def test_nothing_of_deleted_networks_and_routers_is_left(
    readings, reader, neutron_linuxbridge_agent_host, kind, expect
):
    found = left_over(networking, readings, reader, kind)
    look = f"{AGENTS}; neutron-netns-cleanup and neutron-linuxbridge-cleanup remove what is left"
    expect(f"{kind}: there, and unknown to Neutron", found, set(), look)


@each_kind(hosted.NETWORKING)
@pytest.mark.project("neutron-agents")
def test_everything_of_networks_and_routers_is_there(readings, reader, neutron_linuxbridge_agent_host, kind, expect):
    found = missing(networking, readings, reader, kind)
    expect(f"{kind}: known to Neutron, and not there", found, set(), f"{AGENTS}; a restart of the agent makes it")


@each_kind(hosted.INSTANCES)
@pytest.mark.project("nova-compute")
def test_nothing_of_deleted_instances_is_left(readings, reader, nova_compute_host, kind, expect):
    expect(f"{kind}: there, and unknown to Nova", left_over(instances, readings, reader, kind), set(), NOVA)


@each_kind(hosted.INSTANCES)
@pytest.mark.project("nova-compute")
def test_everything_of_instances_is_there(readings, reader, nova_compute_host, kind, expect):
    expect(f"{kind}: known to Nova, and not there", missing(instances, readings, reader, kind), set(), NOVA)


@pytest.mark.needs("tenant-networks")
@pytest.mark.project("neutron-agents")
def test_address_of_a_router_is_on_its_active_host_only(readings, expect):
    """The addresses in the kernels, and the active host in the database, must agree."""
    found = lasting(lambda after: misplaced(readings, after))
    expect.that(
        "hosts that have the addresses of routers",
        not found,
        seen=found,
        expected="the host where the router is active, and no address that Neutron does not know",
        look="ip -n qrouter-<router> address on network nodes; openstack network agent list --long --router <router>",
    )


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.project(*sorted(projects)), id=kind.replace(" ", "-"))
        for kind, (projects, _) in orphans.KINDS.items()
    ],
)
def test_no_record_is_an_orphan(readings, kind, expect):
    projects = frozenset(project.name for project in readings.site.catalogue.projects)
    found = lasting(lambda after: set(orphans.read(readings.first("galera"), projects, after).get(kind, ())))
    expect(kind, found, set(), "the database; delete the record through the API of its service")


@pytest.mark.project("glance")
def test_no_file_of_a_deleted_image_is_left(readings, reader, glance_host, expect):
    found = lasting(lambda after: files_without_image(readings, reader, after))
    expect("files without an image", found, set(), f"{image.FOLDER}; openstack image show <UUID>; glance-api's log")


@pytest.mark.needs("ceph")
@pytest.mark.project("glance")
def test_no_data_of_a_deleted_image_is_left_in_ceph(readings, expect):
    look = (
        "rbd --id glance --pool images ls --long on a controller; openstack image show <UUID>; glance-api's log. "
        "An upload that broke off leaves its data: rbd --id glance --pool images rm <UUID>"
    )
    found = lasting(lambda after: files_without_image(readings, readings.first("glance"), after, image.pooled))
    expect("images in Ceph that Glance does not know", found, set(), look)


@pytest.mark.needs("ceph")
@pytest.mark.project("nova-compute")
def test_no_disk_of_a_deleted_instance_is_left_in_ceph(readings, expect):
    found = lasting(lambda after: disks_without_instance(readings, after))
    expect("disks of instances that are gone", found, set(), "rbd --id nova --pool vms ls on a compute")


def lasting(look):
    """What a look finds now and another finds LATER seconds on; there is no other where the first finds nothing."""
    found = look(0)
    if not found:
        return found
    again = look(LATER)
    return {name: again[name] for name in found if name in again} if isinstance(found, dict) else found & again


def left_over(records, readings, reader, kind):
    def look(after):
        known, here = both(readings, partial(records, readings, after), partial(hosted.read, reader, after))
        return known.left_over(reader.name, kind, here)

    return lasting(look)


def missing(records, readings, reader, kind):
    def look(after):
        known, here = both(readings, partial(records, readings, after), partial(hosted.read, reader, after))
        return known.missing(reader.name, kind, here)

    return lasting(look)


def misplaced(readings, after):
    def everywhere():
        return readings.everywhere(partial(hosted.read, after=after), service="neutron-l3-agent")

    known, hosts = both(readings, partial(networking, readings, after), everywhere)
    return known.misplaced(hosts)


def files_without_image(readings, reader, after, stored=image.stored):
    known, files = both(
        readings,
        partial(recorded.images, readings.first("galera"), after),
        partial(stored, reader, after),
    )
    return files.keys() - known


def disks_without_instance(readings, after):
    """Nova names a disk after its instance: <UUID>_disk, <UUID>_disk.config and so on."""
    records, disks = both(
        readings,
        partial(recorded.instances, readings.first("galera"), after),
        partial(rbd.names, readings.first("nova-compute"), "nova", "vms", after),
    )
    known = {uuid for kinds in records.known.values() for uuid in kinds.get("instance", ())}
    return {disk for disk in disks if disk.partition("_")[0] not in known}


def networking(readings, after):
    nova = readings.site.catalogue.has("nova")
    return recorded.networking(readings.first("galera"), nova=nova, after=after)


def instances(readings, after):
    return recorded.instances(readings.first("galera"), after)


def both(readings, records, host):
    """The records and what is on the host, read in one round."""
    return tuple(readings.together({"records": records, "host": host}).values())
