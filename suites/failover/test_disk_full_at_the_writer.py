"""The disk is full on the Galera writer, the member that gets all queries."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile, PromisesOnReturn

FAULT = "disk-full"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.disk.fill(drill.who.writer()))


class TestDiskFullAtTheWriter(PromisesMeanwhile, PromisesOnReturn):
    pass
