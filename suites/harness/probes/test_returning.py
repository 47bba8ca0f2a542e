"""Returns: they begin with the victim's first sign of life, and each outage belongs to the loss or to the return."""

from dataclasses import replace

import pytest

from fixtures.probes.judging.judgement import Judgement, judge
from fixtures.probes.judging.recording import Recording
from fixtures.probes.judging.table import table, text
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import Part, Subject
from suites.harness.watched import BEGIN, END, drill, pinged, times

KEYSTONE = Subject("keystone")
ALLOWED, ON_RETURN = {"keystone": 5.0}, {"keystone": 1.0}
LIFE, BOOTED = 514.0, 522.0
"""When the victim, which loses its power at 508 s, is on the network again; and when its default.target is active."""
OFF = (508.0, LIFE)


def lost(*outages: tuple[float, float], silences: tuple[tuple[float, float], ...] = (OFF,), **changed) -> Recording:
    """Return a recording of a power loss; outages of Keystone and silences of the victim have a start and an end."""
    samples = tuple(Sample(at, 0.02, not any(start <= at < end for start, end in outages)) for at in every())
    lines = {KEYSTONE: Timeline(KEYSTONE, 0.25, samples, BEGIN, END)}
    kept = replace(drill("good"), timelines=lines, ledgers={}, undone_at=BOOTED, returns=True, reboots=True, **changed)
    return pinged(kept, *silences)


def every() -> list[float]:
    return [*times(BEGIN, END, 0.25)]


def judged(kept: Recording, part: Part, on_return=ON_RETURN, *, timed: bool = True) -> Judgement:
    return judge(kept, ALLOWED, on_return, timed=timed).of(KEYSTONE.of(part))


def outcomes(kept: Recording) -> tuple[str, str]:
    """The outcome of the loss, and of the return."""
    return judged(kept, Part.OUTAGE).outcome, judged(kept, Part.RETURN).outcome


def test_what_breaks_while_the_victim_boots_counts_to_its_return():
    kept = lost((BOOTED - 2, BOOTED + 2.5))
    assert outcomes(kept) == ("PASSED", "FAILED")
    assert judged(kept, Part.RETURN).reason.startswith("away for 4.23 to 4.77 s after the return, 1 s allowed")
    assert not judge(kept, ALLOWED, ON_RETURN).go
    assert judged(kept, Part.RETURN, timed=False).outcome == "NOTED"


@pytest.mark.parametrize(
    ("times_away", "found"),
    [
        ((508.0, 512.0), ("PASSED", "PASSED")),
        ((508.0, 513.5), ("FAILED", "PASSED")),
        ((512.0, 516.0), ("PASSED", "PASSED")),  # under way at the sign of life: part of the loss as a whole
        ((512.0, 518.0), ("FAILED", "PASSED")),
        ((LIFE, 520.0), ("PASSED", "FAILED")),  # the last success is before the sign of life, the first failure not
        ((514.5, 515.0), ("PASSED", "PASSED")),
    ],
)
def test_an_outage_belongs_to_what_was_under_way_when_it_began(times_away, found):
    assert outcomes(lost(times_away)) == found


def test_a_second_outage_after_a_success_belongs_to_the_return():
    assert outcomes(lost((512.0, 514.5), (514.75, 517.0))) == ("PASSED", "FAILED")


def test_an_outage_that_lasts_to_the_end_fails_in_both_parts():
    assert outcomes(lost((BOOTED, END))) == ("FAILED", "FAILED")


def test_a_stretch_without_attempts_at_the_sign_of_life_counts_in_both_parts():
    kept = lost()
    line = kept.timelines[KEYSTONE]
    few = tuple(sample for sample in line.samples if not 513.0 < sample.at < 514.9)
    kept = replace(kept, timelines={**kept.timelines, KEYSTONE: replace(line, samples=few)})
    allowed = {"keystone": 1.5}
    judgements = judge(kept, allowed, ON_RETURN, timed=False)
    assert [judgements.of(KEYSTONE.of(part)).outcome for part in (Part.OUTAGE, Part.RETURN)] == ["NOTED", "NOTED"]


def test_a_stretch_without_attempts_before_the_sign_of_life_belongs_to_the_loss():
    kept = lost()
    line = kept.timelines[KEYSTONE]
    few = tuple(sample for sample in line.samples if not 509.0 < sample.at < 510.6)
    kept = replace(kept, timelines={**kept.timelines, KEYSTONE: replace(line, samples=few)})
    assert judged(kept, Part.RETURN, timed=False).outcome == "PASSED"


def test_without_an_attempt_after_the_sign_of_life_nothing_is_proven():
    kept = lost()
    line = kept.timelines[KEYSTONE]
    ended = replace(line, samples=tuple(sample for sample in line.samples if sample.at < 513.0), end=513.0)
    found = judged(replace(kept, timelines={**kept.timelines, KEYSTONE: ended}), Part.RETURN)
    assert (found.outcome, found.reason) == ("ERROR", "keystone: no attempt after the victim's first sign of life")


def test_without_a_budget_for_the_return_later_outages_count_to_the_loss():
    kept = lost((BOOTED, BOOTED + 5.5))
    assert judged(kept, Part.OUTAGE, {}).outcome == "FAILED"
    assert outcomes(kept) == ("PASSED", "FAILED")


def unpinged(kept: Recording) -> Recording:
    return replace(kept, timelines={KEYSTONE: kept.timelines[KEYSTONE]})


def stalled(kept: Recording) -> Recording:
    (ping,) = (subject for subject in kept.timelines if subject != KEYSTONE)
    line = kept.timelines[ping]
    few = tuple(sample for sample in line.samples if not 512.0 < sample.at < 515.0)
    return replace(kept, timelines={**kept.timelines, ping: replace(line, samples=few)})


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (unpinged(lost()), "controller01 was not pinged all the time"),
        (stalled(lost()), "controller01 was not pinged all the time"),
        (lost(silences=()), "it was never silent"),
        (lost(silences=((508.0, END),)), "no sign of life until the watch ended"),
        (lost(victim="controller01 and controller02"), "controller01 was not pinged"),
    ],
)
def test_without_a_sign_of_life_nothing_is_proven(kept, why):
    found = judged(kept, Part.RETURN)
    assert (found.outcome, why in found.reason) == ("ERROR", True), found
    assert not judge(kept, ALLOWED, ON_RETURN).go
    assert judged(kept, Part.OUTAGE).kept


def test_a_stall_of_the_pings_counts_less_where_seconds_are_not_judged():
    assert judged(stalled(lost()), Part.RETURN, timed=False).outcome == "PASSED"


def test_of_several_victims_the_first_sign_of_life_counts():
    kept = pinged(lost((515.0, 518.0), victim="controller01 and controller02"), (508.0, 516.0), name="controller01")
    assert outcomes(pinged(kept, (508.0, 516.0), name="controller02")) == ("PASSED", "PASSED")
    assert outcomes(pinged(kept, (508.0, 514.0), name="controller02")) == ("PASSED", "FAILED")


def test_the_longest_silence_ends_with_the_sign_of_life():
    kept = lost((512.5, 515.0), silences=((508.5, 508.8), (510.0, LIFE), (517.0, 518.0)))
    assert outcomes(kept) == ("PASSED", "PASSED")


def test_a_lab_host_that_reboots_is_silent_for_an_instant():
    assert outcomes(lost((515.0, 518.0), silences=((514.0, 514.2),))) == ("PASSED", "FAILED")


def test_a_victim_that_need_not_boot_returns_with_the_undo():
    kept = replace(lost((520.0, 523.0), silences=((514.0, 514.3),)), reboots=False)
    assert outcomes(kept) == ("PASSED", "PASSED")
    kept = replace(lost((520.0, 523.0)), reboots=False)  # it was fenced
    assert outcomes(kept) == ("PASSED", "FAILED")


def test_pings_that_wait_for_the_victim_date_its_sign_of_life_early():
    kept = lost((513.5, 515.5))
    (ping,) = (subject for subject in kept.timelines if subject != KEYSTONE)
    line = kept.timelines[ping]
    waiting = tuple(Sample(s.at, LIFE - s.at, True) if 513.2 < s.at < LIFE else s for s in line.samples)
    kept = replace(kept, timelines={**kept.timelines, ping: replace(line, samples=waiting)})
    assert outcomes(kept) == ("PASSED", "FAILED")


def test_the_table_shows_the_outage_of_the_return():
    kept = lost((508.0, 512.0), (520.0, 522.0))
    shown = text(table(kept, judge(kept, ALLOWED, ON_RETURN), ALLOWED))
    (row,) = (line for line in shown.splitlines() if " keystone " in line)
    assert ["4.02" in row, "2.27" in row, "return FAILED" in row] == [True, True, True], row
    assert "unproven" in text(table(unpinged(kept), judge(kept, ALLOWED, ON_RETURN), ALLOWED))
