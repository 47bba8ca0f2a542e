"""Quality: a service that fails now and then, or becomes slow, is no GO, however short its longest outage is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import catalogue
from deploy.catalogue import Limits, Promise
from deploy.catalogue.promises import declared
from fixtures.drills.result import Result
from fixtures.probes.judging import quality, recording
from fixtures.probes.judging.judgement import Verdict, judge
from fixtures.probes.judging.recording import Recording
from fixtures.probes.judging.table import table, text
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import CLUSTER, Part, Subject
from suites.harness.clusters import with_every_feature
from suites.harness.watched import watched

DRILLS = Path(__file__).parents[1] / "recordings" / "drills"
KEYSTONE, GLANCE = Subject("keystone"), Subject("glance")
QUALITY = KEYSTONE.of(Part.QUALITY)
ALLOWED = {"keystone": 5.0}
LIMITS = declared().limits["control-plane"]
EVERY, QUICK = 0.25, 0.02
FAULT, LASTS, END = 100.0, 70.0, 190.0
Slot = Callable[[int], Sample]


def drill(during: Slot, *, before: float = QUICK, lasts: float = LASTS, after: Slot | None = None) -> Recording:
    """Return a recording of a fault that lasts from 100 s on, and of probes to 190 s.

    `during` and `after` return the result of the attempt in a slot, which counts from the fault on; the recording sets
    its time. `after` applies once the fault has ended; without it, answers are as quick as before the fault. The last
    attempt always succeeds: after a failed one, a service had not come back.
    """

    def attempt(slot: int) -> Sample:
        if slot >= lasts / EVERY:
            return after(slot) if after and slot != slots[-1] else quick(slot)
        return during(slot) if slot >= 0 else Sample(0, before, True)

    slots = range(round(-20 / EVERY), round((END - FAULT) / EVERY))
    samples = tuple(replace(attempt(slot), at=FAULT + slot * EVERY) for slot in slots)
    kept = Recording(
        "other_controller_power_loss",
        "controller02",
        "node-loss",
        injected_at=FAULT,
        confirmed_at=FAULT,
        undone_at=FAULT + lasts,
        whole_at=FAULT + lasts + 5,
        timelines={KEYSTONE: Timeline(KEYSTONE, EVERY, samples, FAULT - 20, END)},
    )
    return watched(kept, FAULT - 20, END)


def quick(_: int) -> Sample:
    return Sample(0, QUICK, True)


def failing(*slots: range) -> Slot:
    """Attempts in these slots fail; all others succeed."""
    return lambda slot: Sample(0, QUICK, not any(slot in each for each in slots))


def one_in_19(slot: int) -> Sample:
    return Sample(0, QUICK, slot % 19 == 14)


def two_in_three(slot: int) -> Sample:
    return Sample(0, QUICK, slot % 3 != 2)


def slow(seconds: float) -> Slot:
    return lambda _: Sample(0, seconds, True)


def judged(kept: Recording, limits: Limits = LIMITS, *, timed: bool = True) -> Verdict:
    return judge(kept, ALLOWED, limits={"keystone": limits}, timed=timed)


CHEATS = {
    "one success in 19 attempts": (
        one_in_19,
        "away for 4.23 to 4.77 s, 5 s allowed",
        "away for 70.0 s in sum, 10 s allowed; 229 of 242 attempts failed while the fault lasted, 5 % allowed "
        "(the first 5 s and the longest outage not counted)",
    ),
    "every third attempt fails": (
        two_in_three,
        "away for 0.00 to 0.52 s, 5 s allowed",
        "away for 48.4 s in sum, 10 s allowed; 86 of 259 attempts failed while the fault lasted, 5 % allowed "
        "(the first 5 s and the longest outage not counted)",
    ),
    "each answer takes 1.9 s": (
        slow(1.9),
        "away for 1.96 to 2.15 s, 5 s allowed",
        "95 % of the answers took up to 1.90 s while the fault lasted, 0.02 s before it, 1.02 s allowed",
    ),
}


@pytest.mark.parametrize("case", CHEATS)
def test_a_service_that_fails_or_is_slow_without_a_long_outage_is_no_go(case):
    during, outage, why = CHEATS[case]
    verdict = judged(drill(during))
    assert (verdict.of(KEYSTONE).outcome, verdict.of(KEYSTONE).reason) == ("PASSED", outage)
    assert (verdict.word, verdict.reasons) == ("NO-GO", (f"keystone quality: {why}",))
    noted = judged(drill(during), timed=False)
    assert (noted.go, noted.noted) == (True, (f"keystone quality: {why}",))


@pytest.mark.parametrize("timed", [True, False])
def test_a_service_that_fails_most_attempts_to_the_very_end_is_not_back(timed):
    found = judged(drill(one_in_19, after=one_in_19), timed=timed).of(KEYSTONE)
    assert found.outcome == "FAILED"
    assert "more than half of the last attempts failed when the watch ended" in found.reason
    assert judged(drill(two_in_three, after=two_in_three), timed=False).go


def test_a_probe_without_a_budget_that_fails_most_attempts_is_not_back():
    kept = drill(one_in_19, after=one_in_19)
    line = replace(kept.timelines[KEYSTONE], subject=GLANCE)
    kept = replace(drill(quick), timelines={**drill(quick).timelines, GLANCE: line})
    found = judged(kept).of(CLUSTER)
    assert (found.outcome, found.reason) == ("FAILED", "glance had not come back when the watch ended")


@pytest.mark.parametrize("during", [quick, failing(range(20)), slow(0.5)], ids=["well", "away for 5 s", "a bit slow"])
def test_a_service_within_its_limits_is_a_go(during):
    found = judged(drill(during), replace(LIMITS, failed=0)).of(QUALITY)
    assert found.outcome == "PASSED", found.reason
    assert "in sum, 10 s allowed; 0 of " in found.reason


# 18 failed attempts in a row: away for 19 intervals and 0.02 s, 4.77 s in all.
@pytest.mark.parametrize(
    ("outages", "outcome", "why"),
    [
        ([range(1, 19), range(100, 118)], "PASSED", "away for 9.5 s in sum, 10 s allowed"),
        ([range(1, 19), range(100, 118), range(200, 201)], "FAILED", "away for 10.1 s in sum, 10 s allowed"),
    ],
)
def test_all_outages_together_have_a_limit(outages, outcome, why):
    found = judged(drill(failing(*outages))).of(QUALITY)
    assert (found.outcome, found.reason.split(";")[0]) == (outcome, why)


def test_limits_may_be_reached():
    assert [quality._lost(seconds, 10.0).broken for seconds in (9.9, 10.0, 10.1)] == [False, False, True]


def single(count: int, first: int) -> Slot:
    """Attempts fail one by one, every fourth from slot `first` on."""
    return lambda slot: Sample(0, QUICK, slot not in range(first, first + 4 * count, 4))


# The 5 s allowed end at slot 20. Attempts in slots 20 to 120, and without the longest outage, are 100.
@pytest.mark.parametrize(("failures", "outcome"), [(6, "PASSED"), (7, "FAILED")])
def test_one_in_twenty_attempts_may_fail_besides_the_longest_outage(failures, outcome):
    found = judged(drill(single(failures, 40), lasts=121 * EVERY)).of(QUALITY)
    assert found.outcome == outcome
    assert f"{failures - 1} of 100 attempts failed while the fault lasted, 5 % allowed" in found.reason


@pytest.mark.parametrize(("failures", "outcome"), [(2, "PASSED"), (3, "FAILED")])
def test_one_of_a_few_attempts_may_fail_besides_the_longest_outage(failures, outcome):
    found = judged(drill(single(failures, 21), lasts=33 * EVERY)).of(QUALITY)
    assert found.outcome == outcome
    assert f"{failures - 1} of 12 attempts failed" in found.reason


def test_failures_within_the_budget_are_part_of_the_outage():
    found = judged(drill(single(5, 0))).of(QUALITY)
    assert (found.outcome, "; 0 of 260 attempts failed while" in found.reason) == ("PASSED", True), found.reason


def test_failures_after_a_short_fault_are_judged_apart_from_those_during_it():
    verdict = judged(drill(quick, lasts=10.0, after=two_in_three), replace(LIMITS, lost=100))
    assert "attempts failed after the fault had ended" in verdict.of(QUALITY).reason
    assert (verdict.of(QUALITY).outcome, len(verdict.reasons)) == ("FAILED", 1)


@pytest.mark.parametrize(
    ("before", "during", "outcome"),
    [
        (QUICK, 1.0, "PASSED"),
        (QUICK, QUICK + 1.0, "PASSED"),
        (QUICK, 1.05, "FAILED"),
        (0.8, 2.3, "PASSED"),  # three times 0.8 s is more than 1 s over it
        (0.8, 2.45, "FAILED"),
    ],
)
def test_answers_may_be_slower_by_seconds_or_by_a_factor(before, during, outcome):
    assert judged(drill(slow(during), before=before)).of(QUALITY).outcome == outcome


def test_latency_is_not_judged_by_two_answers():
    few = drill(slow(1.9), lasts=22 * EVERY)
    assert judged(few).of(QUALITY).outcome == "PASSED"
    assert judged(drill(slow(1.9), lasts=23 * EVERY)).of(QUALITY).outcome == "FAILED"


@pytest.mark.parametrize("case", sorted(path.stem for path in DRILLS.glob("*.json")))
@pytest.mark.parametrize("timed", [True, False])
def test_limits_leave_the_verdicts_of_the_stored_recordings(case, timed):
    kept = recording.load(DRILLS / f"{case}.json")
    allowed = {"keystone": 5.0, "glance": 5.0}
    former = judge(kept, allowed, timed=timed)
    found = judge(kept, allowed, limits=dict.fromkeys(allowed, LIMITS), timed=timed)
    assert found.word == former.word
    assert set(former.judgements) <= set(found.judgements)
    added = {each.outcome for each in found.judgements if each.subject.part is Part.QUALITY}
    if former.go and timed:
        assert added == {"PASSED"}


def test_quality_is_not_judged_where_services_must_stop_or_nothing_is_proven():
    known = replace(
        catalogue.load().of(with_every_feature()),
        promises=(Promise("keystone", "keystone", {"node-loss": 5, "quorum-loss": 180}, LIMITS),),
    )
    kept = drill(one_in_19)
    assert Result("x", known, (kept,)).worst("keystone", Part.QUALITY).outcome == "FAILED"
    stopped, unconfirmed = replace(kept, fault="quorum-loss"), replace(kept, confirmed_at=None)
    for each in (stopped, unconfirmed):
        found = Result("x", known, (each,)).worst("keystone", Part.QUALITY)
        assert (found.outcome, found.reason) == ("ERROR", "nothing was recorded")
    assert Result("x", known, (stopped,)).go


def test_a_probe_that_stood_still_proves_nothing_about_quality():
    kept = drill(quick)
    line = kept.timelines[KEYSTONE]
    cut = replace(line, samples=tuple(each for each in line.samples if not 120 <= each.at < 125))
    found = judged(replace(kept, timelines={KEYSTONE: cut})).of(QUALITY)
    assert (found.outcome, found.reason) == ("ERROR", "the probe itself did not run for 5.0 s")


def test_the_table_names_quality_in_the_row_of_the_probe():
    kept = drill(two_in_three)
    shown = text(table(kept, judged(kept), ALLOWED), width=160)
    assert "PASSED, quality FAILED" in next(row for row in shown.splitlines() if " keystone " in row)
