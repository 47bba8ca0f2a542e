"""The watch inside an instance: when its log ends, and the evidence of an instance that died."""

import time
from types import SimpleNamespace

import pytest

from deploy.errors import HostUnreachable
from fixtures.drills import inside
from fixtures.drills.inside import SUBJECTS, InstanceWatch
from fixtures.probes.inside import METADATA

WELL, BUSY = "metadata {0} {0} 200", "metadata {0} {0} 503"


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """An instance's log with a line per second; each reading returns one more line."""
    monkeypatch.setattr(inside, "LAST", 2.0)
    began = time.monotonic()

    def check(command, *_, timeout, stdin=""):
        if "echo end" in command:
            lines = [line.format(f"{40 + second}.00") for second, line in enumerate(check.lines[: len(check.read) + 3])]
            check.read.append(command)
            return "\n".join([f"end {50 + len(check.read)}.00", *lines]) + "\n"
        return f"{40 + time.monotonic() - began:.2f}\n" if "uptime" in command else ""

    def watch(*lines):
        check.lines, check.read = lines, []
        made = InstanceWatch(SimpleNamespace(check=check, disconnect=lambda: None))
        made.start()
        notes = []
        return made.stop(tmp_path, 0.0, notes)[SUBJECTS[METADATA]], len(check.read), notes

    return watch


def test_the_watch_ends_at_once_where_the_last_attempts_succeeded(watched):
    line, readings, _ = watched(WELL, WELL, WELL, WELL)
    assert ([sample.ok for sample in line.samples], readings) == ([True] * 3, 1)


def test_the_watch_goes_on_where_the_last_attempt_failed(watched):
    line, readings, _ = watched(WELL, WELL, BUSY, BUSY, WELL)
    assert ([sample.ok for sample in line.samples], readings) == ([True, True, False, False, True], 3)


def test_a_service_that_stays_away_is_reported_as_away(watched):
    line, readings, _ = watched(WELL, WELL, *[BUSY] * 50)
    assert not line.samples[-1].ok
    assert readings > 2


@pytest.fixture
def dead(monkeypatch):
    """An instance without an SSH connection."""
    monkeypatch.setattr(inside, "LAST", 0.1)

    def check(*_, **__):
        raise HostUnreachable("instance: no connection")

    return lambda console: InstanceWatch(SimpleNamespace(check=check, disconnect=lambda: None), console=lambda: console)


def test_the_console_of_an_instance_that_died_is_saved_and_quoted(dead, tmp_path):
    console, notes = "login:\n[ 3.1] Kernel panic - not syncing: oh\n[ 3.2] ---[ end ]---\n\n", []
    dead(console).stop(tmp_path, 0.0, notes)
    assert (tmp_path / "console.txt").read_text() == console
    assert notes == [
        "the log of the instance could not be read: instance: no connection",
        "the console of the instance, in console.txt, ends with: [ 3.1] Kernel panic - not syncing: oh",
    ]


def test_secrets_are_masked_in_the_saved_console(dead, tmp_path, monkeypatch):
    monkeypatch.setattr(inside.JOURNAL, "redact", lambda text: text.replace("hunter2", "***"))
    notes = []
    dead("password: hunter2").stop(tmp_path, 0.0, notes)
    assert "hunter2" not in (tmp_path / "console.txt").read_text() + notes[-1]


def test_without_a_console_only_the_lost_log_is_noted(dead, tmp_path):
    notes = []
    dead("").stop(tmp_path, 0.0, notes)
    assert (len(notes), list(tmp_path.iterdir())) == (1, [])
