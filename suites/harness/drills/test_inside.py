"""The watch inside an instance ends at a moment at which nothing had just failed, or is told as it is."""

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
    """What an instance wrote, a line for each second; at each reading there is one more."""
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


def test_it_ends_at_once_where_all_goes_well(watched):
    line, readings, _ = watched(WELL, WELL, WELL, WELL)
    assert ([sample.ok for sample in line.samples], readings) == ([True] * 3, 1)


def test_it_goes_on_where_the_last_attempt_failed(watched):
    line, readings, _ = watched(WELL, WELL, BUSY, BUSY, WELL)
    assert ([sample.ok for sample in line.samples], readings) == ([True, True, False, False, True], 3)


def test_what_does_not_come_back_is_told_as_it_is(watched):
    line, readings, _ = watched(WELL, WELL, *[BUSY] * 50)
    assert not line.samples[-1].ok
    assert readings > 2


@pytest.fixture
def dead(monkeypatch):
    """An instance that nobody reaches any more."""
    monkeypatch.setattr(inside, "LAST", 0.1)

    def check(*_, **__):
        raise HostUnreachable("instance: no connection")

    return lambda console: InstanceWatch(SimpleNamespace(check=check, disconnect=lambda: None), console=lambda: console)


def test_one_that_died_says_of_what(dead, tmp_path):
    console, notes = "login:\n[ 3.1] Kernel panic - not syncing: oh\n[ 3.2] ---[ end ]---\n\n", []
    dead(console).stop(tmp_path, 0.0, notes)
    assert (tmp_path / "console.txt").read_text() == console
    assert notes == [
        "nothing of what the instance saw could be had: instance: no connection",
        "its console, in console.txt, ends with: [ 3.1] Kernel panic - not syncing: oh",
    ]


def test_no_secret_of_ours_is_kept_with_its_console(dead, tmp_path, monkeypatch):
    monkeypatch.setattr(inside.JOURNAL, "redact", lambda text: text.replace("hunter2", "***"))
    notes = []
    dead("password: hunter2").stop(tmp_path, 0.0, notes)
    assert "hunter2" not in (tmp_path / "console.txt").read_text() + notes[-1]


def test_one_whose_console_cannot_be_had_is_told_without(dead, tmp_path):
    notes = []
    dead("").stop(tmp_path, 0.0, notes)
    assert (len(notes), list(tmp_path.iterdir())) == (1, [])
