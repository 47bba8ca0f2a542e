"""Breakages: the red checks are read from a JUnit report, and compared with those that a breakage lists."""

from fixtures.breakages import Breakage, Round, reds

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
