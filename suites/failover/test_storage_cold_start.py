"""Power is cut on all storage nodes at once; writes wait until they are back, and none is lost."""

import pytest

from fixtures.drills.promises import PromisesOfStop

pytestmark = pytest.mark.needs("ceph")

FAULT = "cold-start"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.power.off(*drill.who.stores().values()))


class TestStorageColdStart(PromisesOfStop):
    pass
