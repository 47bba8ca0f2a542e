"""The deployment of a run: what failed in it stays told, and is not built over."""

import subprocess
import sys

import pytest

from deploy import plan
from deploy.errors import StepFailed
from deploy.plan import Outcome
from fixtures.stages import Deployment

DONE = Outcome("keystone", 1.0, ())


@pytest.fixture
def built_again(monkeypatch):
    """The builds that were begun; none touches a host."""
    begun = []
    monkeypatch.setattr(plan, "run", lambda *_: begun.append("build") or {"keystone": DONE})
    return begun


def test_a_build_that_failed_is_not_built_again(site_of, built_again):
    failed = Deployment(site_of("lab"), "apply", {"keystone": DONE, "glance": StepFailed("step glance: 500")})
    with pytest.raises(pytest.fail.Exception, match="step glance: 500"):
        failed.again()
    assert not built_again


def test_one_that_did_not_is(site_of, built_again):
    assert Deployment(site_of("lab"), "apply", {"keystone": DONE}).again() == {"keystone": DONE}
    assert built_again


@pytest.mark.parametrize(("deploy", "first"), [("apply", True), ("verify", False)])
def test_where_a_run_applies_each_check_of_the_state_waits_for_the_build(pytestconfig, tmp_path, deploy, first):
    options = ["-q", "-p", "no:cacheprovider", "--setup-plan", f"--deploy={deploy}", f"--results={tmp_path}"]
    planned = subprocess.run(
        [sys.executable, "-m", "pytest", "suites/state/test_units.py", "suites/state/test_keystone.py", *options],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    checks = [line for line in planned.stdout.splitlines() if "::" in line and "(fixtures used: " in line]
    assert len(checks) > 100
    assert {"deployment" in line.partition("(fixtures used: ")[2].rstrip(")").split(", ") for line in checks} == {first}
