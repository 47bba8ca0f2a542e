"""An interrupted drill: a signal undoes and removes everything; after a kill the next drill refuses, --heal mends."""

import signal
import subprocess
from pathlib import Path

import pytest

from deploy.wait import until
from fixtures.drills.faults.process import Process, states
from fixtures.drills.faults.undo import arm
from fixtures.drills.run import interrupted
from fixtures.drills.run.interrupted import Session
from fixtures.drills.who import Who

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

DRILL, UNWATCHED = "suites/lab/frozen_memcached.py", "suites/lab/frozen_unwatched.py"
SILENT = 15
"""Seconds for which a host accepts no SSH packets."""


# Starts a second later, so that the command that starts it gets its answer.
_SILENCE = f"""
sleep 1
nft -f - <<END
table inet lab_silence {{
  chain entering {{ type filter hook input priority -300; tcp dport 22 drop; }}
}}
END
sleep {SILENT}
nft delete table inet lab_silence
"""


@pytest.fixture(scope="module")
def lab(drill_runner):
    return drill_runner.site


@pytest.fixture
def drill_file():
    return DRILL


@pytest.fixture
def begun(lab, drill_file, tmp_path):
    session = None
    try:
        session = Session(lab, drill_file, tmp_path)
        yield session
    finally:
        if session and session.process.poll() is None:
            session.process.kill()
            session.process.wait()
        interrupted.heal(lab)  # even if the drill never began: later drills refuse to start beside leftovers


def silence(host):
    """Drop SSH packets like a broken cable to the runner, for SILENT seconds; the host removes the rule by itself."""
    host.check("systemd-run -q --collect sh -c %s", _SILENCE, timeout=10)


@pytest.mark.nightly
def test_sigterm_undoes_the_fault_and_removes_everything(begun):
    begun.create_port()
    assert begun.signal(signal.SIGTERM) == pytest.ExitCode.INTERRUPTED
    assert (begun.left(), begun.amiss()) == ([], "")
    assert "T" not in states(begun.victim, "memcached")


@pytest.mark.parametrize("drill_file", [UNWATCHED], ids=["no-instance"])
def test_sigint_undoes_the_fault_on_a_host_that_is_unreachable_meanwhile(begun):
    silence(begun.victim)
    until(lambda: not begun.victim.reachable(), timeout=SILENT, what=begun.victim.name, expected="silence")
    assert begun.signal(signal.SIGINT) == pytest.ExitCode.INTERRUPTED
    assert (begun.left(), begun.amiss()) == ([], "")
    assert "T" not in states(begun.victim, "memcached")


def test_the_next_drill_names_what_a_kill_left_and_heal_removes_it(lab, begun, tmp_path_factory):
    begun.signal(signal.SIGKILL)
    until(lambda: not Path(f"/proc/{begun.prober}").exists(), timeout=10, what="the prober", expected="ended as well")
    assert "T" in states(begun.victim, "memcached")
    assert "kill -s CONT" in begun.victim.check("systemctl cat 'stackproof-drill-*.timer' 'stackproof-drill-*.service'")

    refused = another(lab, tmp_path_factory.mktemp("refused"))
    assert refused.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"never undone: freeze memcached of {begun.victim.name}" in refused.stdout

    left = begun.left()
    assert {"stackproof_ledger", "stackproof-drill", f"stackproof-instance-{begun.token}"} <= set(left)
    healed = interrupted.heal(lab)
    assert healed.returncode == 0, healed.stdout
    assert "undone: freeze memcached" in healed.stdout
    assert "removed: database stackproof_ledger" in healed.stdout
    assert f"removed: stackproof-instance-{begun.token}" in healed.stdout
    assert (begun.left(), begun.amiss()) == ([], "")
    assert "T" not in states(begun.victim, "memcached")
    assert "nothing to undo" in interrupted.heal(lab).stdout


def test_the_hosts_own_timer_undoes_the_fault(lab):
    host = Who(lab).neither()
    fault = Process(lab).freeze(host, "memcached")
    try:
        arm(lab, fault.undos, "alone", 5)
        fault.inject()
        assert fault.effect()
        until(fault.gone, timeout=20, what=host.name, expected="thawed by its own timer")
    finally:
        for undo in fault.undos:
            undo.do(lab)


def another(site, results):
    words = interrupted.command(site, DRILL, f"--confirm={site.cluster.name}", f"--results={results}")
    return subprocess.run(words, cwd=interrupted.ROOT, capture_output=True, text=True, timeout=120, check=False)
