"""Runs of pytest: the collected tests, the files below reports/, and the error for a wrong inventory."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deploy import catalogue, inventory, steps
from deploy.journal import Event
from fixtures.terminal import Lines

ROOT = Path(__file__).parents[3]
COLLECT = ("--collect-only", "-q")

SAMPLE = """
import pytest
from deploy.journal import JOURNAL, within

def test_that_passes():
    with within("galera"):
        JOURNAL.emit("change", "did it", host="controller01", seconds=1.5)

def test_that_fails():
    assert False

def test_that_is_skipped():
    pytest.skip("a reason")
"""

WRONG = '[cluster]\nname = "nowhere"\nplatform = "debian-12"\n'

RUNS = {
    "deploy": ("-m", "deploy", "--inventory=two-node", *COLLECT),
    "wrong inventory": ("suites/deploy", "suites/flows", "--inventory=wrong.toml", *COLLECT),
    "bare": ("--inventory=wrong.toml", "-v"),
    "with workers": ("-n", "2"),
}


@dataclass(frozen=True)
class Run:
    """One run of pytest in a checkout of its own."""

    folder: Path
    code: int
    out: str
    err: str

    @property
    def collected(self) -> list[str]:
        return [line for line in self.out.splitlines() if "::" in line]

    @property
    def passed(self) -> list[str]:
        return [line for line in self.collected if " PASSED" in line]

    @property
    def results(self) -> Path:
        (folder,) = (path for path in (self.folder / "reports").iterdir() if path.is_dir() and not path.is_symlink())
        assert (self.folder / "reports/latest").resolve() == folder
        return folder


def checkout(folder: Path) -> Path:
    """This checkout's configuration and suites, with a harness of three tests."""
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "suites", folder / "suites", ignore=shutil.ignore_patterns("harness", "__pycache__"))
    (folder / "suites/harness").mkdir()
    (folder / "suites/harness/test_sample.py").write_text(SAMPLE)
    (folder / "wrong.toml").write_text(WRONG)
    return folder


def start(folder: Path, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=checkout(folder),
        env={**environment, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Run]:
    """All runs, in parallel, since each starts Python with the OpenStack client."""
    folders = {name: tmp_path_factory.mktemp("checkout") for name in RUNS}
    processes = {name: start(folders[name], arguments) for name, arguments in RUNS.items()}
    ended = {name: process.communicate(timeout=120) for name, process in processes.items()}
    return {name: Run(folders[name], processes[name].returncode, *ended[name]) for name in RUNS}


# -- collected tests ---------------------------------------------------------------------------------


def test_a_bare_run_has_the_tests_of_the_harness_only(runs):
    assert {test.split("::")[0] for test in runs["bare"].passed} == {"suites/harness/test_sample.py"}
    assert "1 failed, 1 passed, 1 skipped" in runs["bare"].out


def test_a_run_that_deploys_has_the_clusters_steps_and_no_test_of_the_harness(runs):
    tests = runs["deploy"].collected
    known = catalogue.load().of(inventory.load("two-node"))
    names = {test.split("[")[1].rstrip("]") for test in tests if "test_step[" in test}
    assert names == {step.name for step in steps.of(known)}
    assert not any(test.startswith("suites/harness") for test in tests)


def test_collecting_creates_no_reports(runs):
    assert not (runs["deploy"].folder / "reports").exists()


# -- a wrong inventory -------------------------------------------------------------------------------


def test_a_wrong_inventory_is_one_usage_error(runs):
    run = runs["wrong inventory"]
    assert run.code == pytest.ExitCode.USAGE_ERROR, run.out + run.err
    assert run.err.count("no host was touched") == 1
    assert "wrong.toml: networks.management: missing" in run.err
    assert "Traceback" not in run.out + run.err


def test_the_harness_runs_with_a_wrong_inventory(runs):
    assert runs["bare"].code == pytest.ExitCode.TESTS_FAILED
    assert "no host was touched" not in runs["bare"].out + runs["bare"].err


# -- results of a run --------------------------------------------------------------------------------


@pytest.fixture(params=["bare", "with workers"])
def results(runs, request) -> Path:
    run = runs[request.param]
    assert run.code == pytest.ExitCode.TESTS_FAILED, run.out + run.err
    assert f"report: {run.results}/report.html" in run.out
    return run.results


def test_junit_counts_every_test(results):
    (suite,) = ElementTree.parse(results / "junit.xml").getroot()  # noqa: S314 - written a moment ago
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 3, "failures": 1, "errors": 0, "skipped": 1}


def test_allure_has_a_result_for_every_test(results):
    entries = [json.loads(path.read_text()) for path in (results / "allure-results").glob("*-result.json")]
    assert sorted(entry["status"] for entry in entries) == ["failed", "passed", "skipped"]


def test_every_event_is_a_line_with_its_time_host_and_step(results):
    (event,) = [json.loads(line) for line in (results / "events.jsonl").read_text().splitlines()]
    expected = {"kind": "change", "text": "did it", "host": "controller01", "step": "galera", "seconds": 1.5}
    assert {name: event[name] for name in expected} == expected
    assert {"time", "at"} <= set(event)


def test_runs_of_the_same_second_have_separate_folders(tmp_path):
    from fixtures.reporting import _fresh

    made = [_fresh(tmp_path) for _ in range(3)]
    assert len(set(made)) == 3
    assert (tmp_path / "latest").resolve() == made[-1]


def test_printing_to_a_closed_terminal_raises_nothing():
    class Closed:
        def ensure_newline(self):
            raise OSError(5, "Input/output error")

    Lines(Closed(), None).tell(Event("note", "the fault is undone"))
