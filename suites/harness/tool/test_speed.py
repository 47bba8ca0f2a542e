"""A run of suites/state alone does without workers."""

import subprocess
import sys

import pytest

STATE, HARNESS = "suites/state/test_memcached.py", "suites/harness/facts/test_members.py"


@pytest.fixture
def told(pytestconfig, tmp_path):
    """What a run of some files says, in which no test is run."""

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


def test_what_only_reads_is_one_process_and_says_so(told):
    said = told("-n2", STATE)
    assert "suites/state: one process asks all hosts at once; -n 2 would only" in said
    assert "workers" not in said


@pytest.mark.parametrize("files", [[HARNESS], [STATE, HARNESS]], ids=["harness", "both"])
def test_what_does_more_has_the_workers_it_was_given(told, files):
    said = told("-n2", *files)
    assert "created: 2/2 workers" in said
    assert "one process" not in said


def test_without_workers_nothing_is_said_of_them(told):
    assert "one process" not in told(STATE)
