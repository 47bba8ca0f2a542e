"""The fault contract: undo on disk first, effect or nothing, undone whatever happens."""

import json
import signal
import stat
from functools import partial
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed, StackproofError
from deploy.interrupt import STOP
from fixtures.drills import signals
from fixtures.drills.errors import NotUndone
from fixtures.drills.faults import fault as faults
from fixtures.drills.faults import undo as undoing
from fixtures.drills.faults.fault import Fault, inflicted, look
from fixtures.drills.faults.undo import Kept, Undo


class Patient:
    """A host that can be broken and mended, and that tells what was done to it, in order."""

    def __init__(self, kept: Kept) -> None:
        self.broken, self.told, self.kept, self.refuses = False, [], kept, 0

    def breaks(self) -> None:
        self.told.append(f"broken with {len(self.kept.left())} undo on disk")
        self.broken = True

    def check(self, command, *arguments, **_):
        assert "systemd-run" in command
        self.told.append(f"armed: {arguments[-1]}")

    def script(self, text, **_):
        if self.refuses:
            self.refuses -= 1
            raise CommandFailed("no answer")
        self.told.append(f"undone: {text}")
        self.broken = False

    def run(self, command, *_, **__):
        self.told.append(command.split()[1])


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "drills")


@pytest.fixture
def patient(kept):
    return Patient(kept)


@pytest.fixture
def site(patient):
    return SimpleNamespace(hosts={"one": patient})


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(undoing, "_AGAIN", 0.0)
    yield
    signals.ENDING.clear()


def broken(patient, **changed) -> Fault:
    given = {
        "inject": patient.breaks,
        "effect": lambda: patient.broken,
        "gone": lambda: not patient.broken,
        "undos": (Undo("thaw", "one", "mariadb"),),
        "bites_within": 0.5,
        "ends_within": 0.5,
    }
    return Fault("freeze mariadb", "frozen", "one", **{**given, **changed})


def test_the_undo_is_on_disk_and_the_timer_armed_before_the_fault(patient, site, kept):
    with inflicted(broken(patient), site, "x", kept) as seen:
        assert patient.told[0].startswith("armed: systemctl kill -s CONT")
        assert patient.told[1] == "broken with 1 undo on disk"
        assert seen.confirmed_at >= seen.injected_at
    assert [told.split()[0] for told in patient.told] == ["armed:", "broken", "undone:", "stop"]
    assert kept.left() == []
    assert seen.undone_at >= seen.confirmed_at


def test_the_undo_is_for_its_owner_only(patient, site, kept):
    with inflicted(broken(patient), site, "x", kept):
        (file,) = kept.folder.glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
        assert json.loads(file.read_text())["undos"] == [{"kind": "thaw", "host": "one", "about": "mariadb"}]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, ValueError, CommandFailed("lost")])
def test_it_is_undone_whatever_ends_the_observation(patient, site, kept, raised):
    with pytest.raises((BaseException,)), inflicted(broken(patient), site, "x", kept):
        raise raised
    assert not patient.broken
    assert kept.left() == []


def test_a_fault_that_fails_half_way_is_undone(patient, site, kept):
    def breaks():
        patient.breaks()
        raise CommandFailed("lost in the middle")

    with pytest.raises(CommandFailed), inflicted(broken(patient, inject=breaks), site, "x", kept):
        pytest.fail("there is nothing to observe")
    assert not patient.broken


def test_the_hosts_are_reached_for_the_undo_after_an_interruption(patient, site, kept):
    def interrupted():
        STOP.set()
        raise KeyboardInterrupt

    patient.script = lambda *_, **__: setattr(patient, "broken", STOP.is_set())
    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient), site, "x", kept):
        interrupted()
    assert not patient.broken
    assert STOP.is_set()


def test_no_signal_ends_the_undo(patient, site, kept):
    def undone(*_, **__):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        patient.broken = False

    patient.script = undone
    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient), site, "x", kept):
        pass
    assert not patient.broken
    assert kept.left() == []


def test_a_signal_during_the_injection_waits_for_it_and_then_ends_the_run_through_the_undo(patient, site, kept):
    def breaks():
        signal.raise_signal(signal.SIGTERM)
        patient.breaks()

    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient, inject=breaks), site, "x", kept):
        pytest.fail("there is nothing to observe")
    assert [told.split()[0] for told in patient.told] == ["armed:", "broken", "undone:", "stop"]


def test_what_was_not_injected_is_not_undone(patient, site, kept):
    patient.check = lambda *_, **__: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), signals.heeded(), inflicted(broken(patient), site, "x", kept):
        pytest.fail("there is nothing to observe")
    assert patient.told == ["stop"]
    assert kept.left() == []


def test_only_the_first_signal_ends_a_run():
    with signals.heeded():
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)


def test_without_an_effect_nothing_is_confirmed_and_all_is_undone(patient, site, kept):
    with inflicted(broken(patient, effect=lambda: False), site, "x", kept) as seen:
        assert seen.confirmed_at is None
    assert seen.notes
    assert seen.undone_at is not None
    assert not patient.broken


@pytest.mark.parametrize("slow", ["effect", "gone"])
def test_what_takes_a_minute_is_not_looked_for_five_times_a_second(patient, site, kept, slow, monkeypatch):
    now, looks = 0.0, 0

    def sleep(seconds):
        nonlocal now
        now += seconds

    def in_a_minute():
        nonlocal looks
        looks += 1
        return now > 60

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(faults, "until", partial(faults.until, clock=clock))
    fault = broken(patient, bites_within=90, ends_within=90, **{slow: in_a_minute})
    with inflicted(fault, site, "sample", kept):
        pass
    assert looks < 90
    assert now < 60 * 1.1


def test_a_host_that_does_not_answer_is_asked_again(patient, site, kept):
    patient.refuses = 3
    with inflicted(broken(patient), site, "x", kept):
        pass
    assert not patient.broken


@pytest.mark.parametrize("way", ["refused", "no use"])
def test_what_is_not_undone_stays_on_disk_with_its_timer(patient, site, kept, way):
    patient.refuses = 99 if way == "refused" else 0
    gone = (lambda: not patient.broken) if way == "refused" else (lambda: False)
    with pytest.raises(NotUndone, match="--heal"), inflicted(broken(patient, gone=gone), site, "x", kept):
        pass
    assert [fault for _, fault, _ in kept.left()] == ["freeze mariadb of one (x)"]
    assert "stop" not in patient.told


def test_healing_takes_what_a_killed_run_left(patient, site, kept):
    kept.add("x", "freeze mariadb of one", (Undo("thaw", "one", "mariadb"),))
    patient.broken = True
    assert kept.heal(site) == ["freeze mariadb of one (x)"]
    assert not patient.broken
    assert kept.heal(site) == []


@pytest.mark.parametrize("text", ["", "{}", '{"drill": "x", "fault": "f", "undos": [{"kind": "rm", "host": "one"}]}'])
def test_what_is_no_undo_is_told_and_not_run(kept, site, text):
    kept.folder.mkdir()
    (kept.folder / "1.json").write_text(text)
    with pytest.raises(NotUndone, match=r"1\.json"):
        kept.heal(site)


def test_what_heals_by_itself_came_back_when_that_was_seen(patient, site, kept):
    with inflicted(broken(patient, heals=True), site, "x", kept) as seen:
        assert not look(broken(patient), seen)
        patient.broken = False
        assert look(broken(patient), seen)
        first = seen.returned_at
        assert look(broken(patient), seen)
    assert seen.undone_at == seen.returned_at == first
    assert "by itself" in seen.notes[0]


def test_a_host_that_does_not_answer_has_not_come_back(patient, site, kept):
    def gone():
        if patient.broken:
            raise StackproofError("no answer")
        return True

    fault = broken(patient, gone=gone, heals=True)
    with inflicted(fault, site, "x", kept) as seen:
        assert not faults.look(fault, seen)
    assert "so we did" in seen.notes[0]


@pytest.mark.parametrize("kind", undoing.SCRIPTS)
def test_names_in_undos_cannot_become_commands(kind):
    words = ["a;reboot", "b|reboot", "$(reboot)"]
    script = Undo(kind, "one", " ".join(words)).script
    assert not any(word in script.replace(f"'{word}'", "") for word in words)
