"""A second build of a complete cluster changes and restarts nothing."""

import pytest

pytestmark = pytest.mark.again


@pytest.fixture(scope="module")
def second(deployment):
    return deployment.again()


def test_second_build_changes_nothing(second):
    assert [(step, change) for step, outcome in second.items() for change in outcome.changes] == []
