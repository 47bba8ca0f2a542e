"""The watch inside an instance: when its log ends, and the evidence of an instance that died."""

import time
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed, HostUnreachable
from fixtures.drills import inside, volume
from fixtures.drills.inside import SUBJECTS, WRITTEN, InstanceWatch
from fixtures.probes.inside import METADATA, WRITE
from fixtures.probes.judging.ledger import Ledger
from fixtures.probes.sample import Sample

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


def written(numbers):
    """The watch of an instance with a volume that holds these numbers, and its calls."""
    volume, host = SimpleNamespace(device="/dev/vdb", numbers=numbers), SimpleNamespace()
    host.check = lambda *words, **_: calls.append(words) or "40.00 0\n"
    calls = []
    return InstanceWatch(host, volume=volume), calls


def test_the_instance_writes_to_its_volume_under_a_mark_of_each_start():
    watch, calls = written(None)
    watch.start()
    watch.start()
    (_, neighbour, device, first), (*_, second) = (words for words in calls if "setsid" in words[0])
    assert (neighbour, device, first != second) == ("-", "/dev/vdb", True)
    assert WRITE in watch._watched


def test_acknowledged_writes_are_looked_for_on_the_volume_up_to_the_last_one():
    watch, _ = written(lambda _, last: [each for each in (1, 2, 4, 5) if each <= last])
    ledger = watch.read_back(Ledger(WRITTEN, frozenset({1, 2, 3}), unknown=frozenset({4})), [])
    assert (ledger.lost, ledger.phantoms, ledger.uncertain) == ([3], [], (1, 0))


def test_a_volume_that_is_not_read_proves_nothing():
    def numbers(*_):
        raise HostUnreachable("storage03: no connection")

    notes: list[str] = []
    ledger = written(numbers)[0].read_back(Ledger(WRITTEN, frozenset({1})), notes)
    assert (ledger.silent, notes) == ({"volume"}, ["the volume's ledger could not be read: storage03: no connection"])


def test_after_a_reboot_writes_are_in_no_ledger():
    watch, _ = written(None)
    samples = (Sample(50.0, 0.1, True, number=7, sent=True),)
    assert watch._numbered(samples) == samples
    watch._rebooted = True
    assert [each.number for each in watch._numbered(samples)] == [0]


@pytest.mark.parametrize("text", ["", "1\n2\n", "Traceback\n"])
def test_numbers_that_were_not_read_to_their_end_are_an_error(text):
    assert volume.numbers("3\n4\nwhole\n", "storage01") == [3, 4]
    with pytest.raises(CommandFailed, match="storage01: the numbers"):
        volume.numbers(text, "storage01")


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
