"""Readings: what checks ask is rehearsed and travels together; a shell of this machine stands for the hosts'."""

import subprocess
import time
import warnings
from dataclasses import replace

import pytest
from _pytest.config import parse_warning_filter

from deploy.errors import CommandFailed, HostUnreachable
from deploy.host import Reads, Result, spelled
from deploy.journal import JOURNAL
from fixtures.checks.readings import Readings


class Shell(Reads):
    """This machine's own shell, asked as a host is."""

    def __init__(self, node):
        super().__init__(node)
        self.round_trips, self.is_dead = 0, False

    def run(self, command, *arguments, stdin="", timeout=None):
        self.round_trips += 1
        if self.is_dead:
            raise HostUnreachable(f"{self.name}: no connection")
        text = spelled(command, arguments)
        done = subprocess.run(
            ["sh", "-c", text], input=stdin.encode(), capture_output=True, timeout=timeout or 30, check=False
        )
        return Result(self.name, text, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def readings(site_of):
    site = site_of("lab")
    shells = {node.name: Shell(node) for node in site.cluster.nodes}
    kept = Readings(replace(site, hosts=shells))
    yield kept
    kept.close()


@pytest.fixture
def reader(readings):
    return readings.reader(readings.site.cluster.nodes[0])


def trips(readings):
    return readings.round_trips["controller01"]


# -- one round trip ----------------------------------------------------------------------------------


AWKWARD = {
    "no end of line": ("printf abc", "", (0, "abc", "")),
    "both outputs": ("echo out; echo err >&2; exit 3", "", (3, "out\n", "err\n")),
    "input": ("cat", "one\ntwo\n", (0, "one\ntwo\n", "")),
    "input without an end": ("cat", "one", (0, "one\n", "")),
    "input it does not want": ("true", "x" * 70000, (0, "", "")),
    "nothing to read": ("cat", "", (0, "", "")),
    "quotes": ("""printf '%s' "it's \\"so\\"" """, "", (0, 'it\'s "so"', "")),
    "a variable of its own": ("token=1; echo $token", "", (0, "1\n", "")),
    "another directory": ("cd / && pwd", "", (0, "/\n", "")),
}


def test_awkward_commands_share_a_round_trip_and_keep_their_answers_apart(readings, reader):
    checks = [lambda case=case: reader.run(case[0], stdin=case[1]) for case in AWKWARD.values()]
    readings.rehearse(checks)
    assert trips(readings) == 1
    seen = {name: check() for name, check in zip(AWKWARD, checks, strict=True)}
    assert {name: (told.code, told.out, told.err) for name, told in seen.items()} == {
        name: expected for name, (_, _, expected) in AWKWARD.items()
    }
    assert trips(readings) == 1


def test_a_command_that_is_no_shell_spoils_no_other(readings, reader):
    checks = [lambda: reader.run("if then"), lambda: reader.run("echo well")]
    readings.rehearse(checks)
    assert checks[1]().out == "well\n"
    assert not checks[0]().ok


def test_a_command_that_ends_the_shell_spoils_no_other(readings, reader):
    checks = [lambda: reader.run("kill -KILL $$"), lambda: reader.run("echo well")]
    readings.rehearse(checks)
    assert checks[1]().out == "well\n"
    assert not checks[0]().ok


# -- rehearsal ---------------------------------------------------------------------------------------


def test_many_checks_cost_as_many_round_trips_as_the_longest_asks_questions(readings, reader):
    def chain(start):
        one = reader.check("echo %s", start).strip()
        two = reader.check("echo %s+", one).strip()
        return reader.check("echo %s+", two).strip()

    checks = [lambda n=n: chain(n) for n in range(50)]
    readings.rehearse(checks)
    assert trips(readings) == 3
    assert [check() for check in checks] == [f"{n}++" for n in range(50)]
    assert trips(readings) == 3


def test_the_same_question_is_asked_once(readings, reader):
    readings.rehearse([lambda: reader.run("date +%N")] * 2)
    assert reader.run("date +%N") == reader.run("date +%N")


def test_a_check_that_fails_in_rehearsal_fails_when_it_runs_and_not_before(readings, reader):
    def check():
        assert reader.check("echo red").strip() == "green"

    readings.rehearse([check])
    with pytest.raises(AssertionError):
        check()
    assert trips(readings) == 1


def test_a_reading_on_every_node_is_one_question_of_each(readings):
    def check():
        return readings.everywhere(lambda reader: reader.check("echo %s", reader.name).strip())

    readings.rehearse([check])
    assert set(readings.round_trips.values()) == {1}
    assert check() == {name: name for name in readings.round_trips}


def test_what_nobody_rehearsed_is_asked_when_it_is_needed(readings, reader):
    assert reader.check("echo late") == "late\n"


def test_testinfra_reads_what_is_known(readings, reader):
    def check():
        return reader.host.file("/etc/passwd").exists, reader.host.file("/etc/passwd").mode

    readings.rehearse([check])
    before = trips(readings)
    assert check() == (True, 0o644)
    assert trips(readings) == before


def test_what_takes_long_keeps_nobody_waiting(readings, reader):
    slow, quick = lambda: reader.run("sleep 0.5; echo slow", timeout=90), lambda: reader.run("echo quick")
    readings.rehearse([slow, quick])
    assert quick().out == "quick\n"
    assert slow().out == "slow\n"
    assert trips(readings) == 2


def test_a_check_runs_while_what_others_ask_is_under_way(readings, tmp_path):
    """The other host answers only when the check has run."""
    first, second = (readings.reader(node) for node in readings.site.cluster.nodes[:2])
    ran = tmp_path / "ran"

    def check():
        return first.check("echo %s+", first.check("echo one").strip())

    def late():
        return second.check("while [ ! -e %s ]; do sleep 0.02; done; echo late", ran)

    readings.rehearse([check, late], wait=False)
    assert check() == "one+\n"
    ran.touch()
    assert late() == "late\n"
    assert trips(readings) == 2


def test_what_a_check_asks_next_is_asked_while_others_run(readings, reader):
    chain = [lambda n=n: reader.check("echo %s+", reader.check("echo %s", n).strip()) for n in range(20)]
    readings.rehearse(chain, wait=False)
    assert [check() for check in chain] == [f"{n}+\n" for n in range(20)]
    assert trips(readings) == 2


def test_what_was_under_way_when_something_changed_is_asked_again(readings, reader, tmp_path):
    file = tmp_path / "file"
    file.write_text("before")

    def check():
        return reader.check("sleep 0.3; cat %s", file)

    readings.rehearse([check], wait=False)
    time.sleep(0.1)
    readings.forget()
    file.write_text("after")
    assert check() == "after"


# -- what ends an answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["change", "fault"])
def test_a_change_makes_every_answer_old(readings, reader, tmp_path, kind):
    file = tmp_path / "file"
    file.write_text("before")
    assert reader.check("cat %s", file) == "before"
    file.write_text("after")
    assert reader.check("cat %s", file) == "before"
    JOURNAL.emit(kind, "something")
    assert reader.check("cat %s", file) == "after"


def test_a_note_does_not(readings, reader, tmp_path):
    file = tmp_path / "file"
    file.write_text("before")
    reader.check("cat %s", file)
    file.write_text("after")
    JOURNAL.emit("note", "something")
    assert reader.check("cat %s", file) == "before"


def test_a_dead_host_is_told_by_each_check_of_it_and_asked_once(readings, reader):
    readings.site.hosts["controller01"].is_dead = True
    readings.rehearse([lambda: reader.run("echo one"), lambda: reader.run("echo two")])
    for word in ("one", "two"):
        with pytest.raises(HostUnreachable):
            reader.run(f"echo {word}")
    assert trips(readings) == 1


def goes_wrong(_):
    raise LookupError("neither found nor refused")


@pytest.fixture
def session(readings, monkeypatch):
    """A cloud's session is at hand; what is read of it is up to the test."""
    monkeypatch.setattr(readings, "_session", lambda: "the session")


def test_what_went_wrong_on_the_way_is_told_to_who_asks_and_spoils_no_other(readings, reader, session):
    checks = [lambda: readings.cloud(goes_wrong), lambda: reader.run("echo well").out]
    readings.rehearse(checks)
    assert checks[1]() == "well\n"
    for _ in range(2):  # and whoever asks again waits for nothing
        with pytest.raises(LookupError, match="neither found nor refused"):
            checks[0]()


def test_an_environment_that_pytest_changes_meanwhile_is_read_again(readings, session):
    tries = iter([KeyError("PYTEST_CURRENT_TEST"), KeyError("PYTEST_CURRENT_TEST")])

    def read(_):
        for error in tries:
            raise error
        return "read"

    readings.rehearse([lambda: readings.cloud(read)])
    assert readings.cloud(read) == "read"


def test_another_workers_unknown_errors_are_not_kept(readings, reader, session, tmp_path):
    readings.rehearse([lambda: readings.cloud(goes_wrong), lambda: reader.run("echo well")])
    readings.save(tmp_path / "answers")
    other = Readings(readings.site)
    assert other.load(tmp_path / "answers")
    assert (readings.known, other.known) == (2, 1)
    other.close()


def test_a_command_that_must_succeed_says_what_it_came_to(reader):
    with pytest.raises(CommandFailed, match="controller01"):
        reader.check("exit 4")


# -- what pytest does meanwhile ----------------------------------------------------------------------


def test_between_two_tests_a_librarys_warning_is_no_error_in_any_thread(pytestconfig):
    """pytest forgets its filters then, and sets one after the other."""
    with warnings.catch_warnings(record=True):
        warnings.resetwarnings()
        for each in pytestconfig.getini("filterwarnings"):
            warnings.filterwarnings(*parse_warning_filter(each, escape=False))
            warnings.warn_explicit("gone in 5.0", PendingDeprecationWarning, "resource.py", 1, "openstack.resource")


@pytest.mark.parametrize("module", ["deploy.cloud", "fixtures.checks.readings", "suites.state.test_nova", "test_nova"])
def test_a_warning_about_our_own_code_is_an_error(module):
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in 5.0", DeprecationWarning, "our.py", 1, module)


def test_what_nobody_closed_is_an_error_wherever_it_was_opened():
    with pytest.raises(ResourceWarning):
        warnings.warn_explicit("unclosed socket", ResourceWarning, "socket.py", 1, "socket")


def test_in_the_harness_a_librarys_warning_is_an_error_unless_it_is_named():
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in 2.0", DeprecationWarning, "library.py", 1, "library")
    warnings.warn_explicit("gone in 5.0", PendingDeprecationWarning, "resource.py", 1, "openstack.resource")
