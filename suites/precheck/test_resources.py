"""Every machine has the memory and disk space that its roles need."""

import pytest

from deploy import precheck
from deploy.facts import disk, leftovers, machine

pytestmark = pytest.mark.precheck


def test_memory_suffices(node, reader, cluster, expect):
    size, needed = machine.read(reader).memory_mib, precheck.memory_needed(cluster, node)
    source = precheck.sources(cluster, node)
    expect.that("memory", size >= needed, seen=f"{size} MiB", expected=f"{needed} MiB ({source})", look="free -m")


def test_disk_is_large_enough(node, reader, cluster, expect):
    size, needed = precheck.size(disk.read(reader, *precheck.FREE)), precheck.disk_needed(node)
    source = precheck.sources(cluster, node)
    look = f"df -h {' '.join(precheck.FREE)}"
    expect.that("disk", size >= needed, seen=f"{size} MiB", expected=f"{needed} MiB ({source})", look=look)


def test_disk_has_free_space(node, reader, standing, expect):
    built = leftovers.read(reader, standing.leftovers).ours(standing.cluster.name)
    free = precheck.FREE_BUILT if built else precheck.FREE
    full = precheck.too_full(disk.read(reader, *precheck.FREE), free)
    expect("file systems with too little free space", full, {}, look=f"df -h {' '.join(free)}")
