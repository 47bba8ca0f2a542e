"""Nova: services are up, every compute is in a cell and can take instances, and Nova's own upgrade check succeeds."""

import pytest

from deploy.facts import libvirt_secrets, rbd, settings, ssh
from deploy.facts.compute import CELL0, cells, hypervisors, services, upgrade_checks

CONFIGURATION = "/etc/nova/nova.conf"
NOVA = "nova"
"""The Linux account that runs instances and moves them."""


@pytest.mark.api
def test_service_is_up_and_enabled(cloud_says, nova_service, expect):
    states = [
        (
            "up" if entry.up else "down",
            "enabled" if entry.enabled else f"disabled ({entry.reason or 'no reason given'})",
        )
        for entry in cloud_says(services)
        if (entry.binary, entry.host) == (nova_service.service.name, nova_service.node.name)
    ]
    expect(
        f"the state of {nova_service.service.name} in Nova",
        [" and ".join(words) for words in states],
        ["up and enabled"],
        f"openstack compute service list; journalctl -u {nova_service.name}",
    )


@pytest.mark.api
@pytest.mark.project("nova-compute")
def test_hypervisor_is_up(cloud_says, compute, expect):
    expect(
        "the state of the hypervisor in Nova",
        cloud_says(hypervisors).get(compute.name),
        "up",
        "openstack hypervisor list",
    )


@pytest.mark.api
@pytest.mark.project("nova")
def test_no_service_of_an_unknown_host_is_registered(cloud_says, cluster, expect):
    names = {node.name for node in cluster.nodes}
    every = expect.known("Nova's services", cloud_says(services), "openstack compute service list")
    others = {f"{entry.binary} on {entry.host}" for entry in every if entry.host not in names}
    expect("services of hosts that are not in the inventory", others, set(), "openstack compute service list")


@pytest.mark.own
@pytest.mark.needs("second-compute")
@pytest.mark.project("nova-compute")
def test_nova_user_signs_in_over_ssh_at_the_next_compute(reader, compute, cluster, expect):
    after = next_compute(compute, cluster)
    expect(
        f"SSH sign-in of user {NOVA} at {after.name}",
        ssh.signs_in(reader, NOVA, after.management),
        "signed in",
        f"runuser -u {NOVA} -- ssh -v {after.management}; without the sign-in no instance moves to {after.name}",
    )


@pytest.mark.own
@pytest.mark.needs("second-compute")
@pytest.mark.project("nova-compute")
def test_nova_user_runs_nothing_but_migrations_at_the_next_compute(reader, compute, cluster, expect):
    after = next_compute(compute, cluster)
    expect(
        f"`id` of user {NOVA} at {after.name}",
        ssh.runs(reader, NOVA, after.management, "id"),
        "refused: no migration asks for this",
        f"command= in /var/lib/nova/.ssh/authorized_keys on {after.name}",
    )


@pytest.mark.own
@pytest.mark.needs("ceph")
@pytest.mark.project("nova-compute")
def test_disks_of_instances_are_made_in_ceph(reader, compute, expect):
    found = settings.read(reader, CONFIGURATION)
    seen = [found.get(f"libvirt.{name}", "") for name in ("images_type", "images_rbd_pool", "rbd_user")]
    expect("[libvirt] images_type, images_rbd_pool and rbd_user", seen, ["rbd", "vms", NOVA], CONFIGURATION)


@pytest.mark.own
@pytest.mark.needs("ceph")
@pytest.mark.project("nova-compute")
def test_libvirt_has_the_keys_with_which_disks_are_opened(reader, compute, standing, expect):
    wanted = libvirt_secrets.clients(standing.catalogue, standing.secrets)
    seen = libvirt_secrets.read(reader, wanted)
    look = f"virsh secret-list; {libvirt_secrets.FOLDER}; a build gives the keys to libvirt"
    expect("libvirt's secrets, compared with their files", seen, dict.fromkeys(wanted, libvirt_secrets.SAME), look)


@pytest.mark.own
@pytest.mark.needs("ceph")
@pytest.mark.project("nova-compute")
def test_nova_reads_the_pool_of_disks(reader, compute, expect):
    """With the key and the configuration that nova-compute uses on this host."""
    look = f"runuser -u {NOVA} -- rbd --id {NOVA} --pool vms ls; `ceph auth get client.{NOVA}` on a storage host"
    expect("the reading of the pool vms", rbd.reading(reader, NOVA, "vms"), rbd.READ, look)


def next_compute(compute, cluster):
    """The compute after that one in the inventory; the first one after the last."""
    computes = cluster.role("compute")
    return computes[(computes.index(compute) + 1) % len(computes)]


def mapped(readings, expect):
    """Nova's cells and the hosts in them; red where the database has none."""
    return expect.known("Nova's cells", cells(readings.first("galera")), "nova-manage cell_v2 list_cells")


@pytest.mark.project("nova")
def test_cell_0_and_a_cell_for_instances_exist(readings, expect):
    names = mapped(readings, expect).names
    look = "nova-manage cell_v2 list_cells"
    expect.that("cell 0, for unscheduled instances", CELL0 in names, seen=names, expected="mapped", look=look)
    expect.that("a cell for instances", len(names) > 1, seen=names, expected="mapped", look=look)


@pytest.mark.project("nova-compute")
def test_compute_is_in_exactly_one_cell(readings, compute, expect):
    every = mapped(readings, expect)
    expect.that(
        "the cells to which the compute is mapped",
        len(found := every.hosts.get(compute.name, ())) == 1 and CELL0 not in found,
        seen=[every.names[cell] for cell in found],
        expected="one cell, and not cell 0",
        look=f"nova-manage cell_v2 list_hosts on {readings.first('nova-conductor').name}",
    )


@pytest.mark.own
@pytest.mark.project("nova")
def test_cell_mappings_hold_no_password(readings, expect):
    revealing = mapped(readings, expect).with_password
    expect("cells with a password in a URL", revealing, (), "nova-manage cell_v2 list_cells --verbose")


@pytest.mark.own
@pytest.mark.project("nova")
def test_cell_for_instances_uses_the_virtual_host_of_nova(readings, expect):
    queues = {cell: queue for cell, queue in mapped(readings, expect).queues.items() if cell != CELL0}
    expect("the cells' virtual hosts", queues, dict.fromkeys(queues, "{path}"), "nova_api.cell_mappings")


@pytest.mark.slow
def test_upgrade_check_succeeds(readings, review, expect):
    # The first reading of the check, because no other reading takes longer.
    results = upgrade_checks(readings.reader(review.node), review.command)
    wrong = {name: result for name, result in results.items() if result != "Success"}
    expect.that(
        f"`{review.command} upgrade check`",
        bool(results) and not wrong,
        seen=wrong or "no table of checks",
        expected="Success of each check",
        look=f"{review.command} upgrade check",
    )
