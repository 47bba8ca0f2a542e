"""A run of suites/state alone starts no workers."""

import subprocess
import sys

import pytest

STATE, HARNESS = "suites/state/test_memcached.py", "suites/harness/facts/test_members.py"


@pytest.fixture
def output(pytestconfig, tmp_path):
    """A function that runs pytest with --setup-plan, which runs no test, and returns the output."""

    def run(*arguments):
        planned = ["--setup-plan", "-p", "no:cacheprovider", f"--results={tmp_path}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *planned, *arguments],
            cwd=pytestconfig.rootpath,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    return run


def test_a_run_of_the_state_suite_is_one_process_and_reports_so(output):
    text = output("-n2", STATE)
    assert "suites/state: one process asks all hosts at once; -n 2 is ignored" in text
    assert "workers" not in text


@pytest.mark.parametrize("files", [[HARNESS], [STATE, HARNESS]], ids=["harness", "both"])
def test_any_other_run_has_the_requested_workers(output, files):
    text = output("-n2", *files)
    assert "created: 2/2 workers" in text
    assert "one process" not in text


def test_without_n_no_workers_are_mentioned(output):
    assert "one process" not in output(STATE)


def test_tests_of_a_file_of_flows_have_one_worker(output):
    assert "LoadFileScheduling" in output("-n2", "-v", "suites/flows/test_sign_in.py")
