"""Faults of flows: what a run says of its failures, and faults that name flows which exist."""

import ast
import re
from pathlib import Path

from deploy import catalogue
from deploy.inventory import load as load_inventory
from fixtures.flow_faults import RUNNER, load, said

SUITES = Path(__file__).parents[2]
FAULTS = load(SUITES / "lab" / "flow_faults.toml")
REPORT = """<testsuites><testsuite>
<testcase name="test_good"/>
<testcase name="test_bad"><failure message="instance is ERROR">seen: no valid host</failure></testcase>
<testcase name="test_worse"><error message="made no network"/></testcase>
</testsuite></testsuites>"""


def test_what_failures_and_errors_say_is_read(tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(REPORT)
    assert said(report) == "test_bad: instance is ERROR\nseen: no valid host\ntest_worse: made no network\n"


def test_every_fault_names_a_flow_that_exists():
    for fault in FAULTS:
        path, _, name = fault.flow.partition("::")
        functions = [each.name for each in ast.parse((SUITES.parent / path).read_text()).body if hasattr(each, "name")]
        assert name.partition("[")[0] in functions, fault.name


def test_every_fault_is_on_a_service_or_on_the_runner():
    known = {service.name for service in catalogue.load().of(load_inventory("lab")).services}
    assert {fault.on for fault in FAULTS} <= known | {RUNNER}


def test_every_fault_has_a_repair_and_says_something():
    for fault in FAULTS:
        assert fault.repair.strip(), fault.name
        assert not re.search(fault.says, ""), fault.name
