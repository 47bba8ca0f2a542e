"""State: the cluster is built before where this run applies; any other run checks it as it stands."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def built(request):
    if request.config.getoption("--deploy") == "apply":
        request.getfixturevalue("deployment")
