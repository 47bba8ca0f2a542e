"""The host where the instance's router is active loses its provider link."""

import pytest

from fixtures.drills.promises import PromisesOnReturn

pytestmark = pytest.mark.project("neutron-agents")

FAULT = "provider-loss"


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.cut.provider(drill.who.routes(workload)))


class TestProviderLinkDown(PromisesOnReturn):
    pass
