"""The computes carry the instances that the inventory demands, and with one of them lost as well."""

import pytest

from deploy.capacity import Amount, Compute, judge
from deploy.facts import disk, machine

pytestmark = pytest.mark.precheck
INSTANCES = "/var/lib/nova/instances"


def _compute(reader):
    seen, room = machine.read(reader), disk.read(reader, INSTANCES)[INSTANCES]
    return Compute(reader.name, Amount(seen.cpus, seen.memory_mib, room.size_mib // 1024))


def _judged(capacity, everywhere, standing):
    computes = list(everywhere(_compute, service="nova-compute").values())
    return judge(capacity, standing.catalogue["nova-compute"].defaults, computes)


def test_all_computes_carry_the_demand(capacity, everywhere, standing, expect):
    seen = _judged(capacity, everywhere, standing)
    expect.table(seen.lines())
    expect.that("capacity", seen.all.fits, seen=seen.reason(seen.all), expected=seen.promise, look="the table")


def test_one_compute_may_be_lost(capacity, everywhere, standing, expect):
    seen = _judged(capacity, everywhere, standing)
    case = seen.one_lost
    expect.table(seen.lines())
    expect.that(f"capacity {case.title}", case.fits, seen=seen.reason(case), expected=seen.promise, look="the table")
