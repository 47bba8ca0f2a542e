"""The full build, step by step: each step of the cluster's plan is applied, then verified."""

import pytest

pytestmark = pytest.mark.deploy


def test_step(deployment, step_name, record_property):
    outcome = deployment.outcome(step_name)
    record_property("seconds", round(outcome.seconds, 1))
    record_property("changes", len(outcome.changes))
