"""Allure's report without what tells nothing: each test, the wider fixtures, and all that a failing test shows."""

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
    allure.attach("what it saw", name="seen")
    return cluster

@pytest.fixture
def dead():
    pytest.fail("no connection", pytrace=False)

@pytest.mark.parametrize("unit", ["haproxy", "mariadb"])
def test_of_a_unit(reader, unit):
    with allure.step("looking"):
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
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("allure")
    (folder / "test_sample.py").write_text(SAMPLE)
    own = ["-p", "no:stackproof", "-c", "/dev/null", f"--rootdir={folder}", "-p", "fixtures.allure_listener"]
    command = [sys.executable, "-m", "pytest", *own, f"--alluredir={folder / 'told'}", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "2 failed, 2 passed, 3 errors" in done.stdout, done.stdout
    return folder / "told"


def read(told, kind):
    return [json.loads(file.read_text()) for file in told.glob(f"*-{kind}.json")]


@pytest.fixture
def results(told):
    return {result["name"]: result for result in read(told, "result")}


def test_every_test_is_told_and_what_was_not_judged_is_broken(results):
    seen = {name: result["status"] for name, result in results.items()}
    assert seen == {
        "test_of_a_unit[haproxy]": "passed",
        "test_of_a_unit[mariadb]": "failed",
        "test_of_a_dead_host": "broken",
        "test_that_is_not_undone": "broken",
        "test_that_fails_and_is_not_undone": "failed",
    }


def test_a_wider_fixture_names_the_tests_it_served(told, results):
    (container,) = read(told, "container")
    assert [before["name"] for before in container["befores"]] == ["cluster"]
    assert sorted(container["children"]) == sorted(result["uuid"] for result in results.values())


def test_what_failed_is_told_with_its_words(results):
    assert "no connection" in results["test_of_a_dead_host"]["statusDetails"]["message"]
    assert "haproxy" in results["test_of_a_unit[mariadb]"]["statusDetails"]["message"]


def test_parameters_steps_and_attachments_stay(results):
    seen = results["test_of_a_unit[mariadb]"]
    assert seen["parameters"] == [{"name": "unit", "value": "'mariadb'"}]
    assert [step["name"] for step in seen["steps"]] == ["looking"]
    assert [attached["name"] for attached in seen["attachments"]] == ["seen"]
