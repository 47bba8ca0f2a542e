"""Control groups of the lab's hosts, and the share of the processors they give."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.lab import groups, names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes control groups: run the harness as root")


@pytest.fixture
def trial(monkeypatch):
    monkeypatch.setattr(names, "MARK", "stackproof-trial")
    yield names.MARK
    groups.remove_all()


def test_what_runs_in_a_group_has_the_share_of_that_group(trial):
    told = subprocess.check_output(groups.inside("alone", ["cat", "/proc/self/cgroup"]), text=True)
    places = {kinds: path for _, kinds, path in (line.split(":") for line in told.splitlines())}
    assert places[""] == f"/{trial}/alone"
    assert places.get("cpu", places[""]) == places[""]


def test_nothing_of_them_stays_behind(trial):
    groups.inside("alone", ["true"])
    groups.remove_all()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{trial}"))
