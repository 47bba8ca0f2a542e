"""Nova: its services are up, every compute is in a cell and can take instances, and Nova finds nothing wrong itself."""

import pytest

from deploy.facts import ssh
from deploy.facts.compute import CELL0, cells, checked, hypervisors, services

NOVA = "nova"
"""The account that runs instances, and moves them."""


@pytest.mark.api
def test_the_service_is_up(cloud_says, nova_service, expect):
    seen = [
        ("up" if told.up else "down", "enabled" if told.enabled else "disabled")
        for told in cloud_says(services)
        if (told.binary, told.host) == (nova_service.service.name, nova_service.node.name)
    ]
    expect(
        f"{nova_service.service.name} as Nova knows it",
        [" and ".join(words) for words in seen],
        ["up and enabled"],
        f"openstack compute service list; journalctl -u {nova_service.name}",
    )


@pytest.mark.api
@pytest.mark.project("nova-compute")
def test_the_hypervisor_is_up(cloud_says, compute, expect):
    expect("its hypervisor", cloud_says(hypervisors).get(compute.name), "up", "openstack hypervisor list")


@pytest.mark.api
@pytest.mark.project("nova")
def test_no_other_service_is_known(cloud_says, cluster, expect):
    names = {node.name for node in cluster.nodes}
    others = {f"{told.binary} on {told.host}" for told in cloud_says(services) if told.host not in names}
    expect("services of hosts that are not in the inventory", others, set(), "openstack compute service list")


@pytest.mark.own
@pytest.mark.needs("second-compute")
@pytest.mark.project("nova-compute")
def test_its_account_signs_in_at_the_next_compute(reader, compute, cluster, expect):
    computes = cluster.role("compute")
    after = computes[(computes.index(compute) + 1) % len(computes)]
    expect(
        f"Nova's account, over SSH at {after.name}",
        ssh.signs_in(reader, NOVA, after.management),
        "signed in",
        f"runuser -u {NOVA} -- ssh -v {after.management} on {compute.name}; without it no instance moves between them",
    )


@pytest.mark.project("nova")
def test_there_are_two_cells(readings, expect):
    seen = cells(readings.first("galera")).names
    look = "nova-manage cell_v2 list_cells"
    expect.that("cell 0, for instances that found no host", CELL0 in seen, seen=seen, expected="mapped", look=look)
    expect.that("a cell for instances", len(seen) > 1, seen=seen, expected="mapped", look=look)


@pytest.mark.project("nova-compute")
def test_the_compute_is_in_a_cell(readings, compute, expect):
    seen = cells(readings.first("galera"))
    expect.that(
        "the cells it is mapped to",
        len(found := seen.hosts.get(compute.name, ())) == 1 and CELL0 not in found,
        seen=[seen.names[cell] for cell in found],
        expected="one, and not cell 0",
        look=f"nova-manage cell_v2 list_hosts on {readings.first('nova-conductor').name}",
    )


@pytest.mark.own
@pytest.mark.project("nova")
def test_no_password_is_kept_with_the_cells(readings, expect):
    seen = cells(readings.first("galera")).with_password
    expect("cells whose database address holds a password", seen, (), "nova-manage cell_v2 list_cells --verbose")


@pytest.mark.slow
def test_it_finds_nothing_wrong_itself(readings, review, expect):
    told = checked(readings.reader(review.node), review.command)  # asked in the first round: it takes longest of all
    wrong = {name: result for name, result in told.items() if result != "Success"}
    expect.that(
        f"`{review.command} upgrade check`",
        bool(told) and not wrong,
        seen=wrong or "no table of checks",
        expected="Success of each check",
        look=f"{review.command} upgrade check",
    )
