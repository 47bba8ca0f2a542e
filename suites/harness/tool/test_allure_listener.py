"""Allure's listener: every test, the wider fixtures, messages, steps and attachments are in the report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAMPLE = """
import allure
import pytest

@pytest.fixture(scope="module")
def cluster():
    return "lab"

@pytest.fixture
def reader(cluster):
    allure.attach("a reading", name="reading")
    return cluster

@pytest.fixture
def dead():
    pytest.fail("no connection", pytrace=False)

@pytest.mark.parametrize("unit", ["haproxy", "mariadb"])
def test_of_a_unit(reader, unit, request):
    request.node.user_properties += [("host", "controller01"), ("service", unit)]
    with allure.step("reading"):
        assert unit == "haproxy"

def test_of_a_dead_host(reader, dead):
    pass

@pytest.fixture
def undone():
    yield
    pytest.fail("still there", pytrace=False)

def test_that_is_not_undone(cluster, undone):
    pass

def test_that_fails_and_is_not_undone(cluster, undone):
    assert not cluster
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("allure")
    (folder / "test_sample.py").write_text(SAMPLE)
    own = ["-p", "no:stackproof", "-c", "/dev/null", f"--rootdir={folder}", "-p", "fixtures.allure_listener"]
    command = [sys.executable, "-m", "pytest", *own, f"--alluredir={folder / 'report'}", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "2 failed, 2 passed, 3 errors" in done.stdout, done.stdout
    return folder / "report"


def read(report, kind):
    return [json.loads(file.read_text()) for file in report.glob(f"*-{kind}.json")]


@pytest.fixture
def results(report):
    return {result["name"]: result for result in read(report, "result")}


def test_every_test_has_a_result_and_a_failed_fixture_makes_it_broken(results):
    statuses = {name: result["status"] for name, result in results.items()}
    assert statuses == {
        "test_of_a_unit[haproxy]": "passed",
        "test_of_a_unit[mariadb]": "failed",
        "test_of_a_dead_host": "broken",
        "test_that_is_not_undone": "broken",
        "test_that_fails_and_is_not_undone": "failed",
    }


def test_a_wider_fixture_lists_the_tests_that_used_it(report, results):
    (container,) = read(report, "container")
    assert [before["name"] for before in container["befores"]] == ["cluster"]
    assert sorted(container["children"]) == sorted(result["uuid"] for result in results.values())


def test_a_failed_test_has_its_message(results):
    assert "no connection" in results["test_of_a_dead_host"]["statusDetails"]["message"]
    assert "haproxy" in results["test_of_a_unit[mariadb]"]["statusDetails"]["message"]


def test_parameters_steps_and_attachments_stay(results):
    result = results["test_of_a_unit[mariadb]"]
    assert {each["name"]: each["value"] for each in result["parameters"]} == {
        "unit": "'mariadb'",
        "host": "controller01",
    }
    assert [step["name"] for step in result["steps"]] == ["reading"]
    assert [attached["name"] for attached in result["attachments"]] == ["reading"]


def test_a_test_is_sorted_by_its_service(results):
    suites = {name: [x["value"] for x in each["labels"] if x["name"] == "suite"] for name, each in results.items()}
    assert suites["test_of_a_unit[mariadb]"] == ["mariadb"]
    assert suites["test_of_a_dead_host"] == ["test_sample"]
