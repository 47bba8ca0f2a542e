"""Breakages: the red checks are read from a JUnit report, and compared with those that a breakage lists."""

from pathlib import Path

import pytest

from deploy.errors import CommandFailed
from fixtures.breakages import Breakage, Round, Rounds, load, reds

REPORT = """<testsuites><testsuite>
<testcase classname="suites.state.test_units" name="test_unit_is_active[controller01-glance]"/>
<testcase classname="suites.state.test_units" name="test_unit_is_active[controller02-glance]">
<failure message="it is stopped"/></testcase>
<testcase classname="suites.state.test_vip" name="test_exactly_one"><error message="nobody answers"/></testcase>
<testcase classname="suites.state.test_nova" name="test_it_is_up"><skipped message="not in the inventory"/></testcase>
</testsuite></testsuites>"""


def test_red_checks_are_read_with_their_messages(tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(REPORT)
    assert reds(report) == {
        "test_units::test_unit_is_active[controller02-glance]": "it is stopped",
        "test_vip::test_exactly_one": "nobody answers",
    }


def test_a_red_check_that_no_breakage_lists_is_unexpected():
    stopped = Breakage("stopped", 1, "controller02", "break", "repair", frozenset({"a", "b"}))
    done = Round({"a": "it is stopped", "c": "nobody answers"}, {}, (stopped,))
    assert done.unexpected == {"c": "nobody answers"}


def test_a_red_check_that_may_turn_red_is_not_unexpected():
    stopped = Breakage(
        "stopped", 1, "controller02", "break", "repair", frozenset({"a"}), ("logs::storm[controller02-",)
    )
    broken = {"logs::storm[controller02-nova]": "11 tracebacks", "logs::storm[controller03-nova]": "11 tracebacks"}
    assert Round(broken, {}, (stopped,)).unexpected.keys() == {"logs::storm[controller03-nova]"}


def test_all_breakages_of_a_round_turn_checks_of_one_suite_red():
    suites = {}
    for each in load(Path(__file__).parents[2] / "lab" / "breakages.toml"):
        suites.setdefault(each.round, set()).add(each.suite)
    assert {number: found for number, found in suites.items() if len(found) > 1} == {}


class Refusing:
    """A site whose host refuses each script of one breakage."""

    def __init__(self):
        self.hosts = {"controller02": self}
        self.seen = []

    def check(self, _command, stdin, timeout):
        self.seen.append(stdin)
        if "refused" in stdin:
            raise CommandFailed(f"refused within {timeout} s")


def test_a_round_that_fails_runs_once_and_repairs_all_breakages():
    site = Refusing()
    first = Breakage("first", 1, "controller02", "harm", "refused", frozenset())
    rounds = Rounds(site, None, None, [first, Breakage("second", 1, "controller02", "harm", "repair", frozenset())])
    with pytest.raises(CommandFailed):
        rounds[1]
    assert site.seen == ["refused\nharm", "refused", "repair"]
    with pytest.raises(pytest.fail.Exception, match="round 1 did not run: refused"):
        rounds[1]
    assert len(site.seen) == 3


class Busy(Rounds):
    """Rounds whose checks answer from a list; the last answer is repeated."""

    def __init__(self, answers, *breakages):
        site = Refusing()
        super().__init__(site, None, None, list(breakages))
        self.answers, self.asked = answers, []

    def _red(self, asked, _since):
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


STOPPED = Breakage("stopped", 1, "controller02", "break", "repair", frozenset({"m::a"}), suite="state")


def test_a_stray_red_check_that_turns_green_by_itself_is_not_unexpected():
    rounds = Busy([{"m::a": "stopped", "m::late": "DOWN"}, {"m::late": "DOWN"}, {}], STOPPED)
    done = rounds[1]
    assert (done.broken, done.unexpected) == ({"m::a": "stopped"}, {})
    assert rounds.asked == [["state"], ["state/m.py::late"], ["state/m.py::late"], ["state/m.py::a"], ["state"]]


def test_a_stray_red_check_that_stays_red_is_unexpected(monkeypatch):
    monkeypatch.setattr("fixtures.breakages.SETTLE", 0)
    rounds = Busy([{"m::a": "stopped", "m::hurt": "gone"}, {"m::hurt": "still gone"}, {}], STOPPED)
    assert rounds[1].unexpected == {"m::hurt": "gone; then, to the end of 0 s: still gone"}
