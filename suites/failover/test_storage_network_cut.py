"""A storage node is cut off from the storage network."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.needs("ceph")

FAULT = "isolated"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.cut.storage(drill.who.leads_ceph()))


class TestStorageNetworkCut(PromisesOnReturn):
    pass
