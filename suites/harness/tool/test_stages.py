"""The deployment of a run: a failed step stays failed, part builds, and checks that are left out."""

import re
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from deploy import lease, plan
from deploy.errors import StepFailed
from deploy.inventory import BUILT_IN
from deploy.plan import Outcome
from fixtures.checks import plugin
from fixtures.stages import Deployment

DONE = Outcome("keystone", 1.0, ())


@pytest.fixture
def built_again(monkeypatch):
    """The list of started builds; none touches a host."""
    started = []
    monkeypatch.setattr(lease, "held", lambda *_: nullcontext())
    monkeypatch.setattr(plan, "run", lambda *_: started.append("build") or {"keystone": DONE})
    return started


def test_a_build_that_failed_is_not_built_again(site_of, built_again):
    failed = Deployment(site_of("lab"), "apply", {"keystone": DONE, "glance": StepFailed("step glance: 500")})
    with pytest.raises(pytest.fail.Exception, match="step glance: 500"):
        failed.again()
    assert not built_again


def test_a_successful_build_is_built_again(site_of, built_again):
    assert Deployment(site_of("lab"), "apply", {"keystone": DONE}).again() == {"keystone": DONE}
    assert built_again


@pytest.mark.parametrize(("deploy", "first"), [("apply", True), ("verify", False)])
def test_a_run_that_applies_builds_before_every_check_of_the_state_suite(pytestconfig, tmp_path, deploy, first):
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


# -- part of a build, and clusters of few projects -----------------------------------------------------


def collected(pytestconfig, tmp_path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with --collect-only and the options, which runs no test."""
    usual = ["--collect-only", "-q", "-rs", "-p", "no:cacheprovider", f"--results={tmp_path}/results"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *usual, *options],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_part_build_has_the_named_steps_and_their_requirements(pytestconfig, tmp_path):
    part = ("-m", "deploy", "--steps=glance", "--inventory=lab-small")
    output = collected(pytestconfig, tmp_path, *part, "suites/deploy", "suites/flows").stdout
    steps = {line.partition("[")[2].rstrip("]") for line in output.splitlines() if "::test_step[" in line}
    assert {"base", "galera", "keystone", "glance"} <= steps
    assert not {"nova", "neutron", "etcd"} & steps
    assert (
        "left out 7: suites/flows/test_instance.py: --steps leaves out content, neutron-agents, nova-compute" in output
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["-m", "deploy", "--steps=nvoa"],
            "--steps: cluster lab has no step named nvoa; did you mean nova?; there are: base, ",
        ),
        (["suites/state", "--steps=nova"], "--steps is for a run that applies"),
        (["suites/state", "--remove=nova"], "--remove is for a run that applies"),
        (["-m", "deploy", "--steps=nova", "--remove=etcd"], "--remove goes with a whole build"),
    ],
)
def test_wrong_options_for_a_part_build_are_refused(pytestconfig, tmp_path, options, message):
    refused = collected(pytestconfig, tmp_path, *options)
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in refused.stderr


def test_checks_of_projects_that_are_not_chosen_are_left_out_with_the_reason(pytestconfig, tmp_path):
    lab = (BUILT_IN / "lab-small.toml").read_text()
    few = tmp_path / "few.toml"
    few.write_text(re.sub(r"^chosen = .*$", 'chosen = ["glance"]', lab, flags=re.MULTILINE))
    output = collected(pytestconfig, tmp_path, "suites/state", "suites/failover", f"--inventory={few}").stdout
    assert "suites/state/test_glance.py::" in output
    assert [line for line in output.splitlines() if line.startswith("suites/") and "hypervisor" in line] == []
    for module, absent in (("state/test_etcd", "etcd"), ("failover/test_tunnels_cut", "neutron-agents")):
        assert f"suites/{module}.py: the inventory has no {absent}" in output
        assert f"suites/{module}.py::" not in output


@pytest.mark.parametrize(
    ("marker", "message"), [("needs", "no feature is named luck"), ("project", "no project is named")]
)
def test_a_marker_with_an_unknown_name_is_refused(pytestconfig, marker, message):
    mark = getattr(pytest.mark, marker)("luck").mark
    item = SimpleNamespace(nodeid="test_x.py::test_y", iter_markers=lambda name: [mark] if name == marker else [])
    with pytest.raises(pytest.UsageError, match=f"test_y: {message}"):
        plugin._reason(pytestconfig, item)
