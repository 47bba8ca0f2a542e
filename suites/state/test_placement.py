"""Placement: it knows what every compute has to give, and of nobody else."""

import pytest

from deploy.facts.compute import inventories

NEEDED = ("VCPU", "MEMORY_MB", "DISK_GB")


@pytest.mark.api
@pytest.mark.parametrize("resource", NEEDED)
@pytest.mark.project("placement", "nova-compute")
def test_the_compute_has_something_to_give(cloud_says, compute, resource, expect):
    seen = cloud_says(inventories).get(compute.name, {}).get(resource, 0)
    expect.that(
        f"{resource} that Placement may give away of it",
        seen > 0,
        seen=seen,
        expected="more than none",
        look="openstack resource provider inventory list; nova-compute's log",
    )


@pytest.mark.api
@pytest.mark.project("placement")
def test_nobody_else_has_something_to_give(cloud_says, cluster, expect):
    computes = {node.name for node in cluster.role("compute")}
    others = {name for name, given in cloud_says(inventories).items() if "VCPU" in given and name not in computes}
    expect("computes that are not in the inventory", others, set(), "openstack resource provider list")
