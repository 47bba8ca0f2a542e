"""Each fault turns the flow that needs the spoiled thing red, and the failure names the cause."""

import re
from pathlib import Path

import pytest

from fixtures import flow_faults

FAULTS = flow_faults.load(Path(__file__).with_name("flow_faults.toml"))

pytestmark = [pytest.mark.power, pytest.mark.needs("tenant-networks")]


def marked(fault):
    marks = [pytest.mark.project(*fault.projects), *(() if fault.often else [pytest.mark.nightly])]
    return pytest.param(fault, id=fault.name, marks=marks)


@pytest.mark.parametrize("fault", [marked(fault) for fault in FAULTS])
def test_flow_turns_red_and_names_the_cause(content, spoiled, fault):
    found = spoiled(fault)
    assert found, f"{fault.flow} passed"
    assert re.search(fault.says, found), found
