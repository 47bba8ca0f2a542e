"""What breakages read of a run of the checks, and what they make of it."""

from fixtures.breakages import Breakage, Round, reds

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
