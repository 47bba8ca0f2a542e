"""Readings: rehearsed questions share round trips; a local shell plays the hosts."""

import subprocess
import time
import warnings
from dataclasses import replace

import pytest
from _pytest.config import parse_warning_filter

from deploy.errors import CommandFailed, HostUnreachable
from deploy.host import Reads, Result, spelled
from deploy.journal import JOURNAL
from fixtures.checks import questions
from fixtures.checks.readings import Readings


class Shell(Reads):
    """The local shell behind a host's interface; it counts round trips, and plays a dead host on demand."""

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
    "no newline at the end": ("printf abc", "", (0, "abc", "")),
    "both outputs": ("echo out; echo err >&2; exit 3", "", (3, "out\n", "err\n")),
    "input": ("cat", "one\ntwo\n", (0, "one\ntwo\n", "")),
    "input without a newline at the end": ("cat", "one", (0, "one\n", "")),
    "input that is not read": ("true", "x" * 70000, (0, "", "")),
    "nothing to read": ("cat", "", (0, "", "")),
    "quotes": ("""printf '%s' "it's \\"so\\"" """, "", (0, 'it\'s "so"', "")),
    "a variable of its own": ("token=1; echo $token", "", (0, "1\n", "")),
    "another directory": ("cd / && pwd", "", (0, "/\n", "")),
}


def test_answers_of_one_round_trip_stay_separate(readings, reader):
    checks = [lambda case=case: reader.run(case[0], stdin=case[1]) for case in AWKWARD.values()]
    readings.rehearse(checks)
    assert trips(readings) == 1
    results = {name: check() for name, check in zip(AWKWARD, checks, strict=True)}
    assert {name: (result.code, result.out, result.err) for name, result in results.items()} == {
        name: expected for name, (_, _, expected) in AWKWARD.items()
    }
    assert trips(readings) == 1


def test_a_syntax_error_does_not_disturb_other_commands(readings, reader):
    checks = [lambda: reader.run("if then"), lambda: reader.run("echo well")]
    readings.rehearse(checks)
    assert checks[1]().out == "well\n"
    assert not checks[0]().ok


def test_a_command_that_kills_its_shell_does_not_disturb_other_commands(readings, reader):
    checks = [lambda: reader.run("kill -KILL $$"), lambda: reader.run("echo well")]
    readings.rehearse(checks)
    assert checks[1]().out == "well\n"
    assert not checks[0]().ok


# -- rehearsal ---------------------------------------------------------------------------------------


def test_many_checks_cost_as_many_round_trips_as_the_longest_chain_of_questions(readings, reader):
    def chain(start):
        one = reader.check("echo %s", start).strip()
        two = reader.check("echo %s+", one).strip()
        return reader.check("echo %s+", two).strip()

    checks = [lambda n=n: chain(n) for n in range(30)]
    readings.rehearse(checks)
    assert trips(readings) == 3
    assert [check() for check in checks] == [f"{n}++" for n in range(30)]
    assert trips(readings) == 3


def test_many_questions_to_a_host_go_in_three_round_trips_side_by_side(readings, reader):
    checks = [lambda n=n: reader.check("echo %s", n) for n in range(100)]
    readings.rehearse(checks)
    assert trips(readings) == 3
    assert [check() for check in checks] == [f"{n}\n" for n in range(100)]


def test_a_round_trip_that_takes_long_leaves_the_others_to_the_next_one(readings, reader, monkeypatch):
    monkeypatch.setattr(questions, "ENOUGH", 1)
    checks = [lambda n=n: reader.run("sleep 0.8; echo %s; exit %s", n, n) for n in range(5)]
    readings.rehearse(checks)
    assert 2 <= trips(readings) <= 5
    assert [(check().out, check().code) for check in checks] == [(f"{n}\n", n) for n in range(5)]


def test_equal_questions_are_sent_once(readings, reader):
    readings.rehearse([lambda: reader.run("date +%N")] * 2)
    assert reader.run("date +%N") == reader.run("date +%N")


def test_a_failure_in_rehearsal_is_raised_only_when_the_check_runs(readings, reader):
    def check():
        assert reader.check("echo red").strip() == "green"

    readings.rehearse([check])
    with pytest.raises(AssertionError):
        check()
    assert trips(readings) == 1


def test_a_reading_on_every_node_is_one_round_trip_to_each(readings):
    def check():
        return readings.everywhere(lambda reader: reader.check("echo %s", reader.name).strip())

    readings.rehearse([check])
    assert set(readings.round_trips.values()) == {1}
    assert check() == {name: name for name in readings.round_trips}


def test_an_unrehearsed_question_is_sent_when_it_is_asked(readings, reader):
    assert reader.check("echo late") == "late\n"


def test_testinfra_uses_known_answers(readings, reader):
    def check():
        return reader.host.file("/etc/passwd").exists, reader.host.file("/etc/passwd").mode

    readings.rehearse([check])
    before = trips(readings)
    assert check() == (True, 0o644)
    assert trips(readings) == before


def test_a_slow_command_does_not_delay_others(readings, reader):
    slow, quick = lambda: reader.run("sleep 0.5; echo slow", timeout=90), lambda: reader.run("echo quick")
    readings.rehearse([slow, quick])
    assert quick().out == "quick\n"
    assert slow().out == "slow\n"
    assert trips(readings) == 2


def test_a_check_runs_while_questions_of_others_are_under_way(readings, tmp_path):
    """The other host answers only after the check has run."""
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


def test_the_next_questions_are_sent_while_other_checks_run(readings, reader):
    chain = [lambda n=n: reader.check("echo %s+", reader.check("echo %s", n).strip()) for n in range(20)]
    readings.rehearse(chain, wait=False)
    assert [check() for check in chain] == [f"{n}+\n" for n in range(20)]
    assert trips(readings) == 2


def test_a_question_under_way_during_a_change_is_sent_again(readings, reader, tmp_path):
    file = tmp_path / "file"
    file.write_text("before")

    def check():
        return reader.check("sleep 0.3; cat %s", file)

    readings.rehearse([check], wait=False)
    time.sleep(0.1)
    readings.forget()
    file.write_text("after")
    assert check() == "after"


# -- invalid answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["change", "fault"])
def test_a_change_drops_every_answer(readings, reader, tmp_path, kind):
    file = tmp_path / "file"
    file.write_text("before")
    assert reader.check("cat %s", file) == "before"
    file.write_text("after")
    assert reader.check("cat %s", file) == "before"
    JOURNAL.emit(kind, "something")
    assert reader.check("cat %s", file) == "after"


def test_a_note_keeps_the_answers(readings, reader, tmp_path):
    file = tmp_path / "file"
    file.write_text("before")
    reader.check("cat %s", file)
    file.write_text("after")
    JOURNAL.emit("note", "something")
    assert reader.check("cat %s", file) == "before"


def test_a_dead_host_is_tried_once_and_reported_by_each_of_its_checks(readings, reader):
    readings.site.hosts["controller01"].is_dead = True
    readings.rehearse([lambda: reader.run("echo one"), lambda: reader.run("echo two")])
    for word in ("one", "two"):
        with pytest.raises(HostUnreachable):
            reader.run(f"echo {word}")
    assert trips(readings) == 1


def failing(_):
    raise LookupError("neither found nor refused")


@pytest.fixture
def session(readings, monkeypatch):
    """A stand-in for the cloud's session."""
    monkeypatch.setattr(readings, "_session", lambda: "the session")


def test_an_unknown_error_is_raised_by_its_own_check_only(readings, reader, session):
    checks = [lambda: readings.cloud(failing), lambda: reader.run("echo well").out]
    readings.rehearse(checks)
    assert checks[1]() == "well\n"
    for _ in range(2):  # the second call gets the same answer at once
        with pytest.raises(LookupError, match="neither found nor refused"):
            checks[0]()


def test_a_reading_is_repeated_when_pytest_changes_the_environment_meanwhile(readings, session):
    tries = iter([KeyError("PYTEST_CURRENT_TEST"), KeyError("PYTEST_CURRENT_TEST")])

    def read(_):
        for error in tries:
            raise error
        return "read"

    readings.rehearse([lambda: readings.cloud(read)])
    assert readings.cloud(read) == "read"


def test_unknown_errors_are_not_saved_for_other_workers(readings, reader, session, tmp_path):
    readings.rehearse([lambda: readings.cloud(failing), lambda: reader.run("echo well")])
    readings.save(tmp_path / "answers")
    other = Readings(readings.site)
    assert other.load(tmp_path / "answers")
    assert (readings.known, other.known) == (2, 1)
    other.close()


def test_a_failed_command_that_must_succeed_names_its_host(reader):
    with pytest.raises(CommandFailed, match="controller01"):
        reader.check("exit 4")


# -- warnings ----------------------------------------------------------------------------------------


def test_between_two_tests_a_librarys_warning_is_no_error_in_any_thread(pytestconfig):
    """Between two tests pytest resets its filters and sets them one after the other."""
    with warnings.catch_warnings(record=True):
        warnings.resetwarnings()
        for each in pytestconfig.getini("filterwarnings"):
            warnings.filterwarnings(*parse_warning_filter(each, escape=False))
            warnings.warn_explicit("gone in 5.0", PendingDeprecationWarning, "resource.py", 1, "openstack.resource")


@pytest.mark.parametrize("module", ["deploy.cloud", "fixtures.checks.readings", "suites.state.test_nova", "test_nova"])
def test_a_warning_in_the_projects_own_code_is_an_error(module):
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in 5.0", DeprecationWarning, "our.py", 1, module)


def test_an_unclosed_resource_is_an_error_in_any_module():
    with pytest.raises(ResourceWarning):
        warnings.warn_explicit("unclosed socket", ResourceWarning, "socket.py", 1, "socket")


def test_in_the_harness_a_librarys_warning_is_an_error_unless_it_is_listed():
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in 2.0", DeprecationWarning, "library.py", 1, "library")
    warnings.warn_explicit("gone in 5.0", PendingDeprecationWarning, "resource.py", 1, "openstack.resource")
