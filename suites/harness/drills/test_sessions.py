"""Sessions of drills: one drill at a time, and the leftovers of a killed session are recognised."""

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.drills.errors import Refused
from fixtures.drills.faults.undo import PendingUndos
from fixtures.drills.run import gate, sessions

ROOT = Path(__file__).parents[3]
_OWNER = """
import sys
from fixtures.drills.run import sessions
with sessions.alone("lab", patience=5), sessions.owned("lab", "abc123"):
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def other():
    """Another process that holds the cluster, and owns an instance."""
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_a_cluster_is_drilled_by_one_process_at_a_time(other):
    with pytest.raises(Refused, match="another run drills"), sessions.alone("lab", patience=0):
        pytest.fail("both hold it")
    other.kill()
    other.wait()
    with sessions.alone("lab", patience=0):
        pass


def test_only_a_killed_session_s_objects_are_abandoned(other):
    assert sessions.abandoned("lab") == []
    other.kill()
    other.wait()
    assert [path.stem for path in sessions.abandoned("lab")] == ["abc123"]


def test_a_session_that_removed_its_objects_leaves_nothing():
    with sessions.owned("lab", "def456") as path:
        path.unlink()
    assert sessions.abandoned("lab") == []


def test_no_drill_starts_while_a_killed_session_s_objects_are_left(site_of):
    site = site_of("lab")
    with sessions.owned(site.cluster.name, "abc123"):
        gate.refuse_leftovers(site, PendingUndos.of(site.cluster.name))
    with pytest.raises(Refused, match="never removed: the instance of a killed run, abc123"):
        gate.refuse_leftovers(site, PendingUndos.of(site.cluster.name))
