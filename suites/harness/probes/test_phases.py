"""Phases: a write counts before, during or after a fault only where it lies wholly within that phase."""

import pytest

from fixtures.probes.judging.phases import Phases
from fixtures.probes.judging.recording import Recording
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import Subject

ROWS = Subject("rows")
INJECTED, CONFIRMED, UNDONE, END = 100.0, 101.0, 110.0, 120.0


def phases(*writes: tuple[float, float], ok: bool = True, budget: float = 5.0, fault: str = "node-loss") -> Phases:
    """Return the phases of writes, each from one time to another."""
    samples = tuple(Sample(at, end - at, ok, number=number) for number, (at, end) in enumerate(writes, 1))
    line = Timeline(ROWS, 0.25, samples, 90.0, END)
    kept = Recording("drill", "controller01", fault, INJECTED, CONFIRMED, UNDONE, timelines={ROWS: line})
    return Phases.of(kept, "rows", budget)


@pytest.mark.parametrize(
    ("write", "counted"),
    [
        ((99.0, 99.5), (1, 0, 0)),
        ((99.0, 100.0), (1, 0, 0)),
        ((99.0, 100.25), (0, 0, 0)),
        ((100.25, 101.5), (0, 0, 0)),
        ((101.0, 101.5), (0, 1, 0)),
        ((109.0, 110.0), (0, 1, 0)),
        ((109.0, 110.25), (0, 0, 0)),
        ((110.0, 110.5), (0, 0, 1)),
    ],
)
def test_a_write_counts_in_the_phase_that_holds_all_of_it(write, counted):
    found = phases(write)
    assert (found.before, found.during, found.after) == counted
    found = phases(write, ok=False)
    assert (found.before, found.during, found.after) == (0, 0, 0)


@pytest.mark.parametrize(("at", "required"), [(105.75, False), (106.0, True), (109.0, True)])
def test_a_write_is_required_during_a_fault_from_the_budget_on(at, required):
    assert phases((at, at + 0.5)).required is required
    assert not phases((at, at + 0.5), fault="quorum-loss").required


def test_attempts_without_a_number_are_no_writes():
    assert str(phases()) == "0 before, 0 during and 0 after the fault"
    line = Timeline(ROWS, 0.25, (Sample(102.0, 0.1, True), Sample(103.0, 0.1, True, number=1)), 90.0, END)
    kept = Recording("drill", "x", "node-loss", INJECTED, CONFIRMED, UNDONE, timelines={ROWS: line})
    assert Phases.of(kept, "rows", 5.0).during == 1


@pytest.mark.parametrize(
    ("counts", "missing"),
    [
        ((1, 1, 1, True), ""),
        ((1, 0, 1, False), ""),
        ((1, 0, 1, True), "during"),
        ((0, 1, 0, True), "before and after"),
        ((0, 0, 0, True), "before and during and after"),
    ],
)
def test_the_phases_without_a_write_are_missing(counts, missing):
    assert Phases(*counts).missing == missing
