"""The computes carry the instances that the inventory demands, also after the loss of one compute."""

import pytest

from deploy.capacity import Amount, Compute, judge, without_disks
from deploy.facts import disk, machine

pytestmark = pytest.mark.precheck
INSTANCES = "/var/lib/nova/instances"


def _compute(reader):
    hardware, system = machine.read(reader), disk.read(reader, INSTANCES)[INSTANCES]
    return Compute(reader.name, Amount(hardware.cpus, hardware.memory_mib, system.size_mib // 1024))


def _judged(capacity, everywhere, standing):
    """With Ceph, cores and memory are judged alone: disks are in one pool, whatever the computes' own disks hold."""
    computes = list(everywhere(_compute, service="nova-compute").values())
    if "ceph" in standing.cluster.features:
        capacity, computes = without_disks(capacity, computes)
    return judge(capacity, standing.catalogue["nova-compute"].defaults, computes)


def test_all_computes_carry_the_demand(capacity, everywhere, standing, expect):
    judged = _judged(capacity, everywhere, standing)
    expect.table(judged.lines())
    reason = judged.reason(judged.all)
    expect.that("capacity", judged.all.fits, seen=reason, expected=judged.promise, look="the table")


def test_computes_carry_the_demand_with_one_lost(capacity, everywhere, standing, expect):
    judged = _judged(capacity, everywhere, standing)
    case, reason = judged.one_lost, judged.reason(judged.one_lost)
    expect.table(judged.lines())
    expect.that(f"capacity {case.title}", case.fits, seen=reason, expected=judged.promise, look="the table")
