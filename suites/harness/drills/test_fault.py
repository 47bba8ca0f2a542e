"""The fault contract: the undo is on disk first, and the fault is undone whatever happens."""

import errno
import json
import os
import signal
import stat
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed, StackproofError
from deploy.interrupt import STOP
from deploy.journal import JOURNAL
from fixtures.drills import signals
from fixtures.drills.errors import NotUndone, Refused
from fixtures.drills.faults import fault as faults
from fixtures.drills.faults import undo as undoing
from fixtures.drills.faults.fault import Fault, check_return, inflicted
from fixtures.drills.faults.undo import PendingUndos, Undo


class Patient:
    """A host that can be broken and repaired; `log` has its commands in order."""

    def __init__(self, pending: PendingUndos) -> None:
        self.broken, self.log, self.pending, self.refuses = False, [], pending, 0

    def breaks(self) -> None:
        self.log.append(f"broken with {len(self.pending.left())} undo on disk")
        self.broken = True

    def check(self, command, *arguments, **_):
        assert "systemd-run" in command
        self.log.append(f"armed: {arguments[-1]}")

    def script(self, text, **_):
        if self.refuses:
            self.refuses -= 1
            raise CommandFailed("no answer")
        self.log.append(f"undone: {text}")
        self.broken = False

    def run(self, command, *_, **__):
        self.log.append(command.split()[1])


@pytest.fixture
def pending(tmp_path):
    return PendingUndos(tmp_path / "drills")


@pytest.fixture
def patient(pending):
    return Patient(pending)


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
        "effect_within": 0.5,
        "ends_within": 0.5,
    }
    return Fault("freeze mariadb", "frozen", "one", **{**given, **changed})


def test_the_undo_is_on_disk_and_the_timer_armed_before_the_fault(patient, site, pending):
    with inflicted(broken(patient), site, "x", pending) as moments:
        assert patient.log[0].startswith("armed: systemctl kill -s CONT")
        assert patient.log[1] == "broken with 1 undo on disk"
        assert moments.confirmed_at >= moments.injected_at
    assert [entry.split()[0] for entry in patient.log] == ["armed:", "broken", "undone:", "stop"]
    assert pending.left() == []
    assert moments.undone_at >= moments.confirmed_at


def test_the_file_of_an_undo_is_readable_by_its_owner_only(patient, site, pending):
    with inflicted(broken(patient), site, "x", pending):
        (file,) = pending.folder.glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(pending.folder.stat().st_mode) == 0o700
        assert json.loads(file.read_text())["undos"] == [{"kind": "thaw", "host": "one", "about": "mariadb"}]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, ValueError, CommandFailed("lost")])
def test_a_fault_is_undone_whatever_ends_the_observation(patient, site, pending, raised):
    with pytest.raises((BaseException,)), inflicted(broken(patient), site, "x", pending):
        raise raised
    assert not patient.broken
    assert pending.left() == []


def test_a_fault_whose_injection_fails_half_way_is_undone(patient, site, pending):
    def breaks():
        patient.breaks()
        raise CommandFailed("lost in the middle")

    with pytest.raises(CommandFailed), inflicted(broken(patient, inject=breaks), site, "x", pending):
        pytest.fail("there is nothing to observe")
    assert not patient.broken


def test_after_an_interruption_hosts_still_accept_the_undo(patient, site, pending):
    def interrupted():
        STOP.set()
        raise KeyboardInterrupt

    patient.script = lambda *_, **__: setattr(patient, "broken", STOP.is_set())
    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient), site, "x", pending):
        interrupted()
    assert not patient.broken
    assert STOP.is_set()


def test_no_signal_interrupts_the_undo(patient, site, pending):
    def undone(*_, **__):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        patient.broken = False

    patient.script = undone
    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient), site, "x", pending):
        pass
    assert not patient.broken
    assert pending.left() == []


def test_a_signal_during_the_injection_ends_the_run_after_it_and_the_undo(patient, site, pending):
    def breaks():
        signal.raise_signal(signal.SIGTERM)
        patient.breaks()

    with pytest.raises(KeyboardInterrupt), inflicted(broken(patient, inject=breaks), site, "x", pending):
        pytest.fail("there is nothing to observe")
    assert [entry.split()[0] for entry in patient.log] == ["armed:", "broken", "undone:", "stop"]


def test_a_fault_that_was_not_injected_is_not_undone(patient, site, pending):
    patient.check = lambda *_, **__: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), signals.heeded(), inflicted(broken(patient), site, "x", pending):
        pytest.fail("there is nothing to observe")
    assert patient.log == ["stop"]
    assert pending.left() == []


def test_only_the_first_signal_ends_a_run():
    with signals.heeded():
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)


def test_a_fault_without_an_effect_is_not_confirmed_and_is_undone(patient, site, pending):
    with inflicted(broken(patient, effect=lambda: False), site, "x", pending) as moments:
        assert moments.confirmed_at is None
    assert moments.notes
    assert moments.undone_at is not None
    assert not patient.broken


@pytest.mark.parametrize("slow", ["effect", "gone"])
def test_polls_become_rarer_the_longer_an_effect_or_return_takes(patient, site, pending, slow, monkeypatch):
    now, polls = 0.0, 0

    def sleep(seconds):
        nonlocal now
        now += seconds

    def in_a_minute():
        nonlocal polls
        polls += 1
        return now > 60

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(faults, "until", partial(faults.until, clock=clock))
    fault = broken(patient, effect_within=90, ends_within=90, **{slow: in_a_minute})
    with inflicted(fault, site, "sample", pending):
        pass
    assert polls < 90
    assert now < 60 * 1.1


def test_an_undo_is_repeated_while_the_host_does_not_answer(patient, site, pending):
    patient.refuses = 3
    with inflicted(broken(patient), site, "x", pending):
        pass
    assert not patient.broken


@pytest.mark.parametrize("way", ["refused", "no use"])
def test_a_failed_undo_stays_on_disk_and_keeps_its_timer(patient, site, pending, way):
    patient.refuses = 99 if way == "refused" else 0
    gone = (lambda: not patient.broken) if way == "refused" else (lambda: False)
    with pytest.raises(NotUndone, match="--heal"), inflicted(broken(patient, gone=gone), site, "x", pending):
        pass
    assert [fault for _, fault, _ in pending.left()] == ["freeze mariadb of one (x)"]
    assert "stop" not in patient.log


def test_healing_undoes_the_faults_of_a_killed_run(patient, site, pending):
    pending.add("x", "freeze mariadb of one", (Undo("thaw", "one", "mariadb"),))
    patient.broken = True
    assert pending.heal(site) == ["freeze mariadb of one (x)"]
    assert not patient.broken
    assert pending.heal(site) == []


@pytest.mark.parametrize("text", ["", "{}", '{"drill": "x", "fault": "f", "undos": [{"kind": "rm", "host": "one"}]}'])
def test_a_file_that_is_no_undo_is_an_error(pending, site, text):
    pending.folder.mkdir()
    (pending.folder / "1.json").write_text(text)
    with pytest.raises(NotUndone, match=r"1\.json"):
        pending.heal(site)


def test_a_fault_that_heals_was_undone_when_that_was_first_observed(patient, site, pending):
    with inflicted(broken(patient, heals=True), site, "x", pending) as moments:
        assert not check_return(broken(patient), moments)
        patient.broken = False
        assert check_return(broken(patient), moments)
        first = moments.returned_at
        assert check_return(broken(patient), moments)
    assert moments.undone_at == moments.returned_at == first
    assert "by itself" in moments.notes[0]


def test_a_host_that_does_not_answer_has_not_recovered(patient, site, pending):
    def gone():
        if patient.broken:
            raise StackproofError("no answer")
        return True

    fault = broken(patient, gone=gone, heals=True)
    with inflicted(fault, site, "x", pending) as moments:
        assert not faults.check_return(fault, moments)
    assert "so the drill did" in moments.notes[0]


@pytest.mark.parametrize("kind", undoing.SCRIPTS)
def test_names_in_undos_cannot_become_commands(kind):
    words = ["a;reboot", "b|reboot", "$(reboot)"]
    script = Undo(kind, "one", " ".join(words)).script
    assert not any(word in script.replace(f"'{word}'", "") for word in words)


# -- a full disk on the runner ---------------------------------------------------------------------------


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full(monkeypatch):
    """Make every later write on the runner fail; listeners fail too."""

    def fill():
        writes = os.O_WRONLY | os.O_RDWR
        opened = os.open

        def read_only(path, flags, *more, **named):
            return no_space() if flags & writes else opened(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", read_only)
        for name in ("write_text", "write_bytes", "mkdir", "touch"):
            monkeypatch.setattr(Path, name, no_space)
        JOURNAL.subscribe(no_space)

    return fill


def test_a_fault_is_undone_while_no_event_can_be_recorded(patient, site, pending, full, capsys):
    with inflicted(broken(patient), site, "x", pending) as moments:
        full()
    assert [entry.split()[0] for entry in patient.log] == ["armed:", "broken", "undone:", "stop"]
    assert pending.left() == []
    assert moments.undone_at
    JOURNAL.report()
    assert "no_space failed to record or show events" in capsys.readouterr().err


def test_no_event_is_emitted_between_the_end_of_the_observation_and_the_undo(patient, site, pending):
    JOURNAL.subscribe(lambda event: patient.log.append(f"event: {event.text}"))
    with inflicted(broken(patient), site, "x", pending):
        patient.log.append("observed")
    last = patient.log[patient.log.index("observed") + 1 :]
    assert last[0].startswith("undone:")
    assert last[1] == "event: the fault is undone"


def test_healing_needs_no_space_and_undoes_before_it_emits(patient, site, pending, full):
    pending.add("x", "freeze mariadb of one", (Undo("thaw", "one", "mariadb"),))
    patient.broken = True
    JOURNAL.subscribe(lambda event: patient.log.append(f"event: {event.text}"))
    full()
    assert pending.heal(site) == ["freeze mariadb of one (x)"]
    assert not patient.broken
    assert [entry.split()[0] for entry in patient.log] == ["undone:", "event:"]
    assert pending.left() == []


@pytest.mark.parametrize("fails", ["open", "fsync"])
def test_a_fault_whose_undo_cannot_be_saved_is_not_injected(patient, site, pending, monkeypatch, fails):
    monkeypatch.setattr(os, fails, no_space)
    with pytest.raises(Refused, match="not injected"), inflicted(broken(patient), site, "x", pending):
        pytest.fail("there is nothing to observe")
    assert patient.log == []
    assert list(pending.folder.iterdir()) == []


def test_an_undo_that_fails_does_not_prevent_the_others(patient, site, pending):
    site.hosts["two"] = SimpleNamespace(script=no_host, check=patient.check, run=patient.run)
    undos = (Undo("thaw", "two", "mariadb"), Undo("thaw", "one", "mariadb"))
    with pytest.raises(NotUndone, match="on two"), inflicted(broken(patient, undos=undos), site, "x", pending):
        pass
    assert not patient.broken


def no_host(*_, **__):
    raise CommandFailed("no answer")


def test_an_unreadable_file_does_not_prevent_the_undo_of_other_faults(patient, site, pending):
    pending.add("x", "freeze mariadb of one", (Undo("thaw", "one", "mariadb"),))
    (pending.folder / "0.json").write_text("")
    patient.broken = True
    with pytest.raises(NotUndone, match=r"0\.json"):
        pending.heal(site)
    assert not patient.broken
    assert [path.name for path in pending.folder.iterdir()] == ["0.json"]


def test_a_file_that_cannot_be_deleted_does_not_prevent_the_undo_of_other_faults(patient, site, pending, monkeypatch):
    for number in (1, 2):
        pending.add("x", f"fault {number}", (Undo("thaw", "one", f"unit{number}"),))
    monkeypatch.setattr(Path, "unlink", no_space)
    with pytest.raises(NotUndone, match=r"fault 1 .* is undone, but its file is still there"):
        pending.heal(site)
    assert len(patient.log) == 2
