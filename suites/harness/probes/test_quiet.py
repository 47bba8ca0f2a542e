"""Outages are judged only where the machine was quiet; elsewhere they are noted, with the figures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.probes.judging import recording
from fixtures.probes.judging.pressure import LIMIT, Pressure
from fixtures.probes.judging.quiet import UNKNOWN, disturbed
from fixtures.probes.judging.recording import Recording
from fixtures.probes.subject import Subject

DRILLS = Path(__file__).parents[1] / "recordings" / "drills"
ALLOWED = {"keystone": 5.0, "glance": 5.0}
KEYSTONE = Subject("keystone")
CALM, BUSY = 0.4, 0.9


def drill(case: str = "good", before: float = CALM, during: float = CALM, stalled: float = 0.0) -> Recording:
    return replace(recording.load(DRILLS / f"{case}.json"), pressure=Pressure(before, during, stalled))


def test_a_quiet_machine_disturbs_no_drill():
    assert disturbed(drill(), ALLOWED) == ""
    assert disturbed(drill(before=LIMIT - 0.01, during=LIMIT - 0.01), ALLOWED) == ""


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"before": BUSY}, "in 90% of the 10 s before the fault and in 40% of the worst 10 s after it, 75% allowed"),
        ({"during": BUSY}, "in 40% of the 10 s before the fault and in 90% of the worst 10 s after it"),
        ({"during": LIMIT}, "in 75% of the worst 10 s after it"),
        ({"stalled": 3.0}, "the disk stood still for 3 s"),
    ],
)
def test_a_busy_machine_disturbs_a_drill_and_the_reason_has_its_figures(figures, why):
    assert why in disturbed(drill(**figures), ALLOWED)


def test_without_figures_of_the_kernel_a_machine_is_not_known_to_be_quiet():
    assert disturbed(replace(drill(), pressure=None), ALLOWED) == UNKNOWN


def test_a_probe_that_stood_still_disturbs_a_drill():
    assert "did not run for" in disturbed(drill("stalled-probe"), ALLOWED)


def test_promises_that_were_restless_before_the_fault_disturb_a_drill():
    kept = drill()
    line = kept.timelines[KEYSTONE]
    away = range(int(kept.injected_at) - 5, int(kept.injected_at))
    samples = tuple(replace(each, ok=False) if int(each.at) in away else each for each in line.samples)
    kept = replace(kept, timelines={**kept.timelines, KEYSTONE: replace(line, samples=samples)})
    found = disturbed(kept, ALLOWED)
    assert found.startswith("keystone (away for 5.")
    assert found.endswith("before the fault")


def test_the_figures_are_stored_and_an_older_recording_has_none(tmp_path):
    kept = drill(before=0.25, during=0.5, stalled=1.5)
    path = kept.save(tmp_path)
    assert recording.load(path) == kept
    assert json.loads(path.read_text())["pressure"] == {"before": 0.25, "during": 0.5, "stalled": 1.5}
    older = json.loads(path.read_text())
    del older["pressure"]
    path.write_text(json.dumps(older))
    assert recording.load(path).pressure is None
