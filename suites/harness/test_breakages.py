"""What breakages read of a run of the checks, and what they make of it."""

from types import SimpleNamespace

import pytest

from deploy.journal import JOURNAL
from fixtures.breakages import Breakage, Round, Rounds, reds

REPORT = """<testsuites><testsuite>
<testcase classname="suites.state.test_units" name="test_it_runs[controller01-glance]"/>
<testcase classname="suites.state.test_units" name="test_it_runs[controller02-glance]">
<failure message="it is stopped"/></testcase>
<testcase classname="suites.state.test_vip" name="test_exactly_one"><error message="nobody answers"/></testcase>
<testcase classname="suites.state.test_nova" name="test_it_is_up"><skipped message="not in the inventory"/></testcase>
</testsuite></testsuites>"""


def test_what_is_red_is_told_with_what_it_says(tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(REPORT)
    assert reds(report) == {
        "test_units::test_it_runs[controller02-glance]": "it is stopped",
        "test_vip::test_exactly_one": "nobody answers",
    }


def test_what_no_breakage_makes_red_is_unexpected():
    stopped = Breakage("stopped", 1, "controller02", "break", "repair", frozenset({"a", "b"}))
    seen = Round({"a": "it is stopped", "c": "nobody answers"}, {}, (stopped,))
    assert seen.unexpected == {"c": "nobody answers"}


@pytest.mark.parametrize(
    ("again", "broken", "told"),
    [
        ({"test_b::two[x]": "still"}, {"test_a::one": "stopped", "test_b::two[x]": "slow"}, []),
        ({}, {"test_a::one": "stopped"}, ["red beside breakages, and green when asked again: test_b::two[x]: slow"]),
    ],
)
def test_what_turns_red_beside_a_breakage_is_asked_again_before_the_repair(tmp_path, again, broken, told):
    done, notes = [], []
    breakage = Breakage("stopped", 1, "controller02", "break", "repair", frozenset({"test_a::one"}))
    host = SimpleNamespace(check=lambda _, **given: done.append(given["stdin"]))
    rounds = Rounds(SimpleNamespace(hosts={"controller02": host}), tmp_path, None, [breakage])
    reports = iter([{"test_a::one": "stopped", "test_b::two[x]": "slow"}, again, {}])
    rounds._red = lambda checks, _: done.append(list(checks)) or next(reports)
    stop = JOURNAL.subscribe(lambda event: notes.append(event.text))
    try:
        seen = rounds[1]
    finally:
        stop()
    state = ["suites/state"]
    assert done == ["repair\nbreak", state, ["suites/state/test_b.py::two[x]"], "repair", state]
    assert (seen.broken, seen.repaired, notes) == (broken, {}, told)
