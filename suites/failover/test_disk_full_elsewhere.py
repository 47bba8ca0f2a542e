"""The disk is full on a controller that is neither VIP holder nor Galera writer."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile, PromisesOnReturn

FAULT = "disk-full"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.disk.fill(drill.who.neither()))


class TestDiskFullElsewhere(PromisesMeanwhile, PromisesOnReturn):
    pass
