"""Every machine has the memory and the disk that its roles need at the least."""

import pytest

from deploy import precheck
from deploy.facts import disk, leftovers, machine

pytestmark = pytest.mark.precheck


def test_memory_suffices(node, reader, expect):
    seen, needed = machine.read(reader).memory_mib, precheck.memory_needed(node)
    source = precheck.sources(node)
    expect.that("memory", seen >= needed, seen=f"{seen} MiB", expected=f"{needed} MiB ({source})", look="free -m")


def test_disk_is_large_enough(node, reader, expect):
    seen, needed = precheck.size(disk.read(reader, *precheck.FREE)), precheck.disk_needed(node)
    source = precheck.sources(node)
    where = f"df -h {' '.join(precheck.FREE)}"
    expect.that("disk", seen >= needed, seen=f"{seen} MiB", expected=f"{needed} MiB ({source})", look=where)


def test_disk_has_room(node, reader, standing, expect):
    built = leftovers.read(reader, standing.leftovers).ours(standing.cluster.name)
    free = precheck.FREE_BUILT if built else precheck.FREE
    seen = precheck.too_full(disk.read(reader, *precheck.FREE), free)
    expect("file systems that are too full", seen, {}, look=f"df -h {' '.join(free)}")
