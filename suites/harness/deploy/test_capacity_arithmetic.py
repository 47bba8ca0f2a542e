"""Capacity: results compared with figures calculated by hand, by Nova's arithmetic and the sizing guide's."""

from dataclasses import replace

import pytest

from deploy import catalogue, inventory
from deploy.capacity import NO_DISKS, Amount, Compute, Rules, judge, without_disks
from deploy.inventory import Capacity, Flavor
from suites.harness.clusters import PLATFORMS

NOVA = catalogue.load().of(inventory.load("lab"))["nova-compute"].defaults
PLAIN = Capacity(
    cpu_allocation_ratio=4.0, ram_allocation_ratio=1.0, disk_allocation_ratio=1.0, reserved_host_memory_mib=512
)
SMALL = Flavor(vcpus=1, memory_mib=2048, disk_gib=10, instances=1)


def demanding(**flavors: Flavor) -> Capacity:
    return replace(PLAIN, flavors=flavors)


def small(instances: int) -> Capacity:
    return demanding(small=replace(SMALL, instances=instances))


def computes(*totals: tuple[int, int, int]) -> list[Compute]:
    return [Compute(f"compute{number:02}", Amount(*total)) for number, total in enumerate(totals, 1)]


# -- the guide's example ---------------------------------------------------------------------------
#
# The guide's input: 200 instances without overcommitment; a server has 2 processors of 10 cores at 2.6 GHz, 2 threads;
# an instance takes 2 GHz on average, 16 GHz at most, 2 GB of memory, 8 GB at most.
#   cores of an instance  16 / (2.6 * 2) = 3.08 -> 3        cores in all  200 * 2 / 2.6 = 153.8 -> 154
#   processors            154 / 10 = 15.4 -> 16             servers       16 / 2 = 8
#   instances a server    200 / 8 = 25                      memory        8 GB * 25 = 200 GB a server
#
# For Nova a server has 2 * 10 * 2 = 40 logical CPUs. 25 instances of 3 take 75 VCPU there, so the guide's "no
# overcommitment" of GHz is a CPU allocation ratio of 75 / 40 = 1.875.

SERVER = (40, 200 * 1024, 1000)
GUIDE = Capacity(
    flavors={"guide": Flavor(vcpus=3, memory_mib=8192, disk_gib=10, instances=200)},
    cpu_allocation_ratio=1.875,
    ram_allocation_ratio=1.0,
    reserved_host_memory_mib=0,
)


def test_the_guide_s_eight_servers_carry_exactly_200_instances():
    seen = judge(GUIDE, NOVA, computes(*[SERVER] * 8))
    assert seen.all.fits
    assert seen.all.supply == Amount(8 * 75, 8 * 204_800, 8000)
    assert seen.all.margin == Amount(0, 0, 6000)
    more = replace(GUIDE, flavors={"guide": replace(GUIDE.flavors["guide"], instances=201)})
    assert not judge(more, NOVA, computes(*[SERVER] * 8)).all.fits


def test_the_guide_has_no_server_to_spare():
    case = judge(GUIDE, NOVA, computes(*[SERVER] * 8)).one_lost
    assert case.left == {"guide": 25}
    assert case.margin == Amount(-75, -25 * 8192, 5000)
    assert case.needed == 1


def test_the_guide_s_instances_per_server_follow_from_the_ratio():
    lines = "\n".join(judge(GUIDE, NOVA, computes(SERVER)).lines())
    assert "25 guide" in lines  # 1.875 * 40 / 3


def test_the_guide_s_number_of_servers_follows_from_one_server():
    assert judge(GUIDE, NOVA, computes(SERVER)).all.needed == 7


# -- what one compute offers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capacity", "offered"),
    [
        (PLAIN, Amount(64, 65024, 500)),  # 16 * 4, 65536 - 512
        (replace(PLAIN, reserved_host_cpus=2, reserved_host_memory_mib=5536), Amount(56, 60000, 500)),
        (replace(PLAIN, reserved_host_disk_mib=1025), Amount(64, 65024, 498)),  # rounded up to whole GiB
        (replace(PLAIN, cpu_allocation_ratio=1.3), Amount(20, 65024, 500)),  # 20.8, rounded down
        (replace(PLAIN, reserved_host_memory_mib=70000), Amount(64, 0, 500)),
        (Capacity(), Amount(256, 97536, 500)),  # Zed's defaults: 16.0, 1.5, 1.0, 512 MiB
    ],
    ids=["ratios", "reserved", "disk", "rounded down", "nothing left", "nova's defaults"],
)
def test_a_compute_offers_the_unreserved_part_times_the_ratio(capacity, offered):
    assert Rules.of(capacity, NOVA).offered(Compute("c", Amount(16, 65536, 500))) == offered


# -- verdicts --------------------------------------------------------------------------------------------


def test_two_computes_that_each_carry_everything_can_lose_one():
    seen = judge(small(31), NOVA, computes((16, 65536, 500), (16, 65536, 500)))
    assert seen.fits
    assert seen.one_lost.title == "without compute01"
    assert seen.one_lost.margin == Amount(33, 65024 - 31 * 2048, 190)


def test_one_instance_more_needs_both_computes():
    seen = judge(small(32), NOVA, computes((16, 65536, 500), (16, 65536, 500)))
    assert (seen.all.fits, seen.one_lost.fits, seen.fits) == (True, False, False)
    assert seen.one_lost.left == {"small": 1}  # 32 * 2048 = 65536, but 65024 are offered
    assert "short of 512 MEMORY_MB, which takes 512 MiB of memory" in seen.reason(seen.one_lost)


def test_the_largest_compute_is_the_one_that_is_lost():
    seen = judge(small(40), NOVA, computes((16, 65536, 500), (32, 131072, 900), (16, 65536, 500)))
    assert seen.largest.name == "compute02"
    assert seen.one_lost.supply == Amount(128, 130048, 1000)


def test_the_worst_loss_may_be_a_compute_with_fewer_cores():
    much_memory = (8, 262144, 500)
    seen = judge(small(100), NOVA, computes((64, 65536, 500), much_memory, (64, 65536, 500)))
    assert seen.largest.name == "compute02"
    assert not seen.one_lost.fits


def test_an_instance_is_not_split_where_only_the_totals_suffice():
    large = Flavor(vcpus=1, memory_mib=40000, disk_gib=1, instances=3)
    seen = judge(demanding(large=large), NOVA, computes(*[(16, 65536, 500)] * 2))
    assert seen.all.margin == Amount(125, 2 * 65024 - 120000, 997)
    assert seen.all.left == {"large": 1}
    assert "no single compute has that much left; 1 more compute like compute01" in seen.reason(seen.all)


def test_an_instance_never_gets_more_than_the_physical_cpus():
    wide = Flavor(vcpus=17, memory_mib=1024, disk_gib=1, instances=1)
    seen = judge(demanding(wide=wide), NOVA, computes((16, 65536, 500)))
    assert (seen.all.margin.vcpus, seen.all.left, seen.all.needed) == (47, {"wide": 1}, -1)
    assert "no number of computes like compute01 would suffice" in seen.reason(seen.all)


def test_large_instances_are_placed_first():
    flavors = {
        "small": replace(SMALL, instances=30),
        "large": Flavor(vcpus=16, memory_mib=63000, disk_gib=80, instances=1),
    }
    seen = judge(demanding(**flavors), NOVA, computes((16, 65536, 500), (16, 65536, 500)))
    assert list(seen.demand) == ["large", "small"]
    assert seen.all.fits


def test_a_shortage_is_reported_as_a_number_of_computes():
    seen = judge(small(200), NOVA, computes(*[(16, 65536, 500)] * 2))
    assert seen.all.needed == 5  # 31 each by memory: 7 computes for 200
    assert seen.one_lost.needed == 6
    assert "would suffice" in seen.reason(seen.all)


def test_a_single_compute_has_no_other_to_take_over():
    seen = judge(small(1), NOVA, computes((16, 65536, 500)))
    assert (seen.all.fits, seen.one_lost.fits) == (True, False)
    assert (seen.all.title, seen.one_lost.computes, seen.one_lost.needed) == ("the only compute", 0, 1)


def test_flavors_without_instances_take_nothing():
    seen = judge(demanding(none=replace(SMALL, instances=0), disk=replace(SMALL, disk_gib=0)), NOVA, computes(SERVER))
    assert list(seen.demand) == ["disk"]
    assert seen.all.margin.disk_gib == 1000


# -- the table -----------------------------------------------------------------------------------------


def test_the_table_has_every_figure_of_the_calculation():
    lines = judge(small(40), NOVA, computes((16, 65536, 500), (16, 65536, 500))).lines()
    rows = {line.rpartition("  ")[0].strip(): line for line in lines}
    table = [" ".join(line.split()) for line in lines]
    assert "40 x small 40 81920 400 one: 1 VCPU, 2048 MEMORY_MB, 10 DISK_GB" in table
    assert "demand 40 81920 400 40 instances" in table
    assert "allocation ratio 4 1 1 nova.conf" in table
    assert "reserved for the host 0 512 0 on each compute" in table
    assert "compute01 and 1 like it, each has 16 65536 500" in table
    assert "compute01 and 1 like it, each offers 64 65024 500 31 small" in table
    assert "all 2 computes: offered 128 130048 1000" in table
    assert "margin +88 +48128 +600" in table
    assert "without compute01: offered 64 65024 500" in table
    assert "margin +24 -16896 +100 short" in table
    assert rows


# -- nova.conf holds the values of the calculation -----------------------------------------------------


def nova_conf(tree_of, capacity: Capacity | None, node: str = "compute01") -> str:
    cluster = replace(inventory.load("lab"), capacity=capacity)
    return tree_of(cluster)[node]["/etc/nova/nova.conf"].text


def test_nova_conf_holds_no_value_that_is_not_set(tree_of):
    silent = nova_conf(tree_of, None)
    assert "allocation_ratio" not in silent
    assert "reserved_host" not in silent
    assert nova_conf(tree_of, Capacity(flavors={"small": SMALL})) == silent


def test_nova_conf_of_computes_holds_the_values_that_are_set(tree_of):
    text = nova_conf(tree_of, replace(PLAIN, reserved_host_cpus=1, reserved_host_disk_mib=2048))
    wanted = {
        "cpu_allocation_ratio = 4.0",
        "ram_allocation_ratio = 1.0",
        "disk_allocation_ratio = 1.0",
        "reserved_host_cpus = 1",
        "reserved_host_memory_mb = 512",
        "reserved_host_disk_mb = 2048",
    }
    assert wanted <= set(text.partition("\n[api]")[0].splitlines())
    assert "allocation_ratio" not in nova_conf(tree_of, PLAIN, "controller01")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_knows_nova_s_defaults(platform):
    figures = catalogue.load().of(replace(inventory.load("lab"), platform=platform))["nova-compute"].defaults
    assert set(replace(PLAIN, reserved_host_cpus=0, reserved_host_disk_mib=0).settings) == set(figures)


def test_disks_in_one_pool_are_not_judged():
    capacity = replace(demanding(big=replace(SMALL, disk_gib=10**6)), reserved_host_disk_mib=10**6)
    pair = computes((4, 8192, 1), (4, 8192, 1))
    assert not judge(capacity, NOVA, pair).fits
    demand, bare = without_disks(capacity, pair)
    judged = judge(demand, NOVA, bare)
    assert judged.fits
    assert judged.lines()[-1] == NO_DISKS
    assert judge(capacity, NOVA, pair).lines()[-1] != NO_DISKS
