"""Placement: every compute offers resources, and no unknown compute does."""

import pytest

from deploy.facts.compute import inventories

NEEDED = ("VCPU", "MEMORY_MB", "DISK_GB")


@pytest.mark.api
@pytest.mark.parametrize("resource", NEEDED)
@pytest.mark.project("placement", "nova-compute")
def test_compute_offers_the_resource(cloud_says, compute, resource, expect):
    offered = cloud_says(inventories).get(compute.name, {}).get(resource, 0)
    expect.that(
        f"{resource} that the compute offers in Placement",
        offered > 0,
        seen=offered,
        expected="more than 0",
        look="openstack resource provider inventory list; nova-compute's log",
    )


@pytest.mark.api
@pytest.mark.project("placement")
def test_no_unknown_compute_offers_resources(cloud_says, cluster, expect):
    computes = {node.name for node in cluster.role("compute")}
    offers = expect.known("inventories in Placement", cloud_says(inventories), "openstack resource provider list")
    others = {name for name, given in offers.items() if "VCPU" in given and name not in computes}
    expect("computes that are not in the inventory", others, set(), "openstack resource provider list")
