"""The examples of nightly jobs: each is valid for the program that reads it, and its command has options that exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / ".ci/nightly"
COMMAND = re.compile(r"\.tox/stackproof/bin/pytest (.+)$", re.MULTILINE)
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}
RUNS = [path.name for path in sorted(EXAMPLES.iterdir()) if COMMAND.search(path.read_text())]


def test_every_kind_of_job_has_a_command():
    assert RUNS == ["github-actions.yml", "gitlab-ci.yml", "nightly-playbook.yaml", "stackproof-nightly.service"]


@pytest.mark.parametrize("name", RUNS)
def test_the_command_is_one_that_pytest_takes(name, tmp_path):
    words = shlex.split(COMMAND.search((EXAMPLES / name).read_text())[1])
    words[words.index("--inventory=/etc/stackproof/cloud.toml")] = "--inventory=two-node"
    command = [sys.executable, "-m", "pytest", *words, "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert {line.split("/")[1] for line in done.stdout.splitlines() if "::" in line} == {"state", "flows"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_job_has_the_form_that_its_server_takes(name):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[name], str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["zuul.yaml", "nightly-playbook.yaml"])
def test_zuul_files_can_be_read(name):
    assert yaml.safe_load((EXAMPLES / name).read_text())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd-analyze; install systemd")
def test_systemd_finds_nothing_wrong(tmp_path):
    for unit in EXAMPLES.glob("stackproof-nightly.*"):
        text = unit.read_text().replace("/opt/stackproof/.tox/stackproof/bin/pytest", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/opt/stackproof", str(tmp_path)))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    wrong = [line for line in done.stderr.splitlines() if "stackproof-nightly" in line]
    assert (done.returncode, wrong) == (0, [])


def test_the_page_about_the_examples_names_them_all():
    text = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in EXAMPLES.iterdir() if path.name not in text and path.name != "README.md"] == []
