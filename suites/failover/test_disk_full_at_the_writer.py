"""The disk is full on the controller whose database takes all writes."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile, PromisesOnReturn

FAULT = "disk-full"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.disk.fill(drill.who.writer()))


class TestDiskFullAtTheWriter(PromisesMeanwhile, PromisesOnReturn):
    pass
