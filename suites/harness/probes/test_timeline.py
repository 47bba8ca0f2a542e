"""Timelines: an outage is never told shorter than it was, and its resolution says how much longer it may be told."""

import random
from collections.abc import Callable

import pytest

from fixtures.probes.errors import Unproven
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample, dump, load
from fixtures.probes.schedule import Schedule
from fixtures.probes.subject import Subject

TOOK = 0.01
Try = Callable[[float], Sample]


def line(*samples: Sample, start: float = 0.0, end: float = 10.0, interval: float = 0.1) -> Timeline:
    return Timeline(Subject("keystone"), interval, samples, start, end)


def tried(attempt: Try, start: float = 0.0, end: float = 10.0, interval: float = 0.1) -> Timeline:
    """Every slot of an observation, each answered by the service that `attempt` is."""
    count = round((end - start) / interval)
    return line(*(attempt(start + slot * interval) for slot in range(count)), start=start, end=end, interval=interval)


def refusing(down: float, up: float, took: float = TOOK) -> Try:
    """Refuses at once while it is down."""
    return lambda at: Sample(at, 0.001, False, "refused") if down <= at < up else Sample(at, took, True)


def silent(down: float, up: float, deadline: float, took: float = TOOK) -> Try:
    """Says nothing while it is down, and forgets who asked."""
    return lambda at: Sample(at, deadline, False, "no answer") if down <= at < up else Sample(at, took, True)


def frozen(down: float, up: float, deadline: float, took: float = TOOK) -> Try:
    """Answers everybody once it thaws, if they still wait."""

    def attempt(at: float) -> Sample:
        took_now = up - at + took if down <= at < up else took
        return Sample(at, took_now, True) if took_now <= deadline else Sample(at, deadline, False, "no answer")

    return attempt


def test_what_never_failed_was_away_for_less_than_an_interval_and_never_for_nothing():
    seen = tried(lambda at: Sample(at, TOOK, True))
    assert seen.outage == pytest.approx(0.1 + TOOK)
    assert seen.resolution == pytest.approx(seen.outage)
    assert (seen.gaps, seen.lost, seen.open) == ((), 0.0, False)


def test_one_failure_lies_between_the_successes_around_it():
    seen = tried(refusing(4.95, 5.05))
    assert seen.outage == pytest.approx(0.2 + TOOK)
    assert (len(seen.gaps), seen.gaps[0].failures, seen.longest.at_least) == (1, 1, 0.0)


@pytest.mark.parametrize("service", [refusing(3.02, 6.05), silent(3.02, 6.05, 2.0)], ids=["refuses", "is silent"])
def test_an_outage_is_told_with_its_bounds(service):
    seen = tried(service)
    assert 3.03 <= seen.outage <= 3.03 + 2 * (0.1 + TOOK)
    assert 3.03 - 2 * (0.1 + TOOK) <= seen.longest.at_least <= 3.03
    assert seen.lost == seen.outage


def test_a_service_that_is_only_slow_was_away_for_as_long_as_it_took():
    seen = tried(frozen(3.02, 6.05, deadline=5.0))
    assert 3.03 <= seen.outage <= 3.03 + 0.1 + 2 * TOOK
    assert (seen.longest.failures, seen.longest.at_least, len(seen.gaps)) == (0, 0.0, 1)
    assert seen.slowest == pytest.approx(3.0, abs=0.1)


def test_how_quick_it_was_before_makes_the_bounds_of_an_outage_closer():
    seen = tried(frozen(3.02, 6.05, deadline=2.0))
    assert seen.longest.at_least < seen.window(2.5).longest.at_least <= 3.03
    assert seen.window(2.5).resolution <= 2 * 0.1 + 4 * TOOK


def test_a_slow_answer_hides_nothing_when_others_are_quick():
    quick = [Sample(slot / 10, TOOK, True) for slot in range(100) if slot != 50]
    seen = line(*quick, Sample(5.0, 3.0, True))
    assert seen.outage == pytest.approx(0.2 + TOOK)


@pytest.mark.parametrize("seed", range(60))
def test_the_truth_lies_within_the_resolution_whatever_happens(seed):
    dice = random.Random(seed)
    interval, took = dice.choice([0.1, 0.3, 1.0]), dice.choice([0.002, 0.05, 0.4])
    deadline = dice.choice([0.5, 1.0, 4.0])
    down = dice.uniform(5, 8)
    up = down + dice.choice([0.01, 0.3, 1.7, 6.0])
    service = dice.choice(
        [refusing(down, up, took), silent(down, up, deadline, took), frozen(down, up, deadline, took)]
    )
    late = {slot: dice.uniform(0, 0.6) * interval for slot in range(400) if dice.random() < 0.1}
    samples = [service(slot * interval + late.get(slot, 0.0)) for slot in range(int(30 / interval))]
    seen = line(*samples, end=30.0, interval=interval)
    for view in (seen, seen.window(4.9)):
        assert view.outage >= up - down - 1e-9
        assert view.outage - view.resolution <= up - down + 1e-9


@pytest.mark.parametrize("away", [0.3, 2.0, 5.0])
def test_what_never_comes_back_is_away_until_the_watch_ends(away):
    seen = tried(refusing(10 - away, 99))
    assert away <= seen.outage <= away + 0.1 + TOOK
    assert seen.open
    assert seen.longest.open


def test_one_success_at_the_very_end_is_a_return():
    seen = tried(refusing(5.0, 9.9))
    assert not seen.open
    assert seen.outage == pytest.approx(5.0 + TOOK)


def test_a_probe_whose_last_attempts_are_not_answered_yet_is_open():
    seen = line(*(Sample(slot / 10, TOOK, True) for slot in range(80)))
    assert seen.open


def test_without_an_attempt_there_is_no_figure():
    with pytest.raises(Unproven, match="nothing was tried"):
        _ = line().outage


def test_what_never_succeeded_has_no_figure():
    seen = tried(refusing(0, 99))
    for figure in ("outage", "resolution", "open", "gaps", "lost"):
        with pytest.raises(Unproven, match="none of 100 attempts succeeded"):
            getattr(seen, figure)


def test_a_window_counts_from_its_own_start():
    seen = tried(refusing(4.0, 7.0)).window(5.0)
    assert seen.outage == pytest.approx(2.0 + TOOK)


def test_loss_and_return_are_told_apart():
    def twice(at: float) -> Sample:
        return Sample(at, TOOK, not (2.0 <= at < 3.0 or 6.0 <= at < 6.5))

    seen = tried(twice)
    assert seen.window(1.0, 5.0).outage == pytest.approx(1.1 + TOOK)
    assert seen.window(5.0).outage == pytest.approx(0.6 + TOOK)
    assert (len(seen.gaps), seen.lost) == (2, pytest.approx(1.7 + 2 * TOOK))


def test_a_window_in_which_all_fails_is_an_outage_where_it_worked_before():
    seen = tried(refusing(4.0, 99)).window(5.0, 8.0)
    assert seen.outage == pytest.approx(3.0)
    assert seen.open


def test_a_window_without_attempts_is_no_figure_even_where_it_worked_before():
    with pytest.raises(Unproven):
        _ = tried(refusing(4.0, 99)).window(20.0, 30.0).outage


def test_lost_time_is_counted_once_where_attempts_overlap():
    seen = tried(silent(2.0, 9.0, deadline=5.0))
    assert seen.lost <= 10.0


def test_every_second_attempt_failing_is_many_gaps_and_no_long_outage():
    seen = tried(lambda at: Sample(at, TOOK, round(at * 10) % 2 == 0))
    assert seen.outage < 0.25
    assert len(seen.gaps) == 50
    assert seen.lost == pytest.approx(10.0, abs=0.3)


@pytest.mark.parametrize(
    ("attempts", "steady"), [(1, True), (20, True), (50, True), (60, False), (100, False), (101, False), (0, False)]
)
def test_steady_is_so_many_successes_last(attempts, steady):
    assert tried(refusing(4.5, 5.0)).steady(attempts) == steady


def test_an_attempt_still_under_way_when_the_window_ends_does_not_tell_whether_it_was_steady():
    seen = tried(silent(4.95, 99, deadline=2.0))
    assert seen.window(0.0, 5.05).steady(20)
    assert not seen.steady(20)


def test_a_probe_that_ran_all_the_time_did_not_stall():
    assert tried(refusing(2.0, 8.0)).stalled == pytest.approx(0.0)
    assert tried(silent(2.0, 8.0, deadline=5.0)).missed == 0


@pytest.mark.parametrize(("first", "last"), [(0, 30), (40, 70), (70, 100)], ids=["began late", "slept", "ended early"])
def test_a_probe_that_did_not_run_is_found_out(first, last):
    seen = line(*(Sample(slot / 10, TOOK, True) for slot in range(100) if not first <= slot < last))
    assert seen.stalled == pytest.approx(3.0, abs=0.11)
    assert seen.missed == 30


def test_a_stall_is_no_proof_of_service():
    """What nobody looked at counts as away, so a stalled probe does not tell too little."""
    seen = line(*(Sample(slot / 10, TOOK, True) for slot in range(100) if not 40 <= slot < 70))
    assert seen.outage > 3.0
    assert seen.longest.at_least == 0.0


def test_the_order_in_which_attempts_were_written_down_does_not_matter():
    samples = list(tried(silent(3.0, 6.0, deadline=2.0)).samples)
    random.Random(1).shuffle(samples)
    assert line(*samples) == tried(silent(3.0, 6.0, deadline=2.0))


def test_details_are_counted():
    assert tried(refusing(1.0, 1.5)).details == {"refused": 5}


@pytest.mark.parametrize(
    "sample",
    [
        Sample(1.5, 0.25, True),
        Sample(1.5, 0.25, False, "refused"),
        Sample(1.5, 0.25, False, "", 7, True),
        Sample(1, 2, True, "x", 9),
    ],
)
def test_a_sample_is_read_as_it_was_written(sample):
    assert load(dump(sample)) == sample


def test_slots_do_not_drift():
    schedule = Schedule(100.0, 0.1)
    for _ in range(10_000):
        schedule.take(schedule.due + 0.03)
    assert schedule.due == pytest.approx(1_100.0)


def test_slots_missed_are_counted_and_not_caught_up_with():
    schedule = Schedule(0.0, 0.1)
    assert schedule.take(0.05) == 0
    assert schedule.take(0.55) == 4
    assert schedule.due == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (tried(refusing(11, 12)), ""),
        (tried(refusing(9.5, 12)), "refused"),
        (tried(refusing(0, 1), end=0.3), "refused"),
        (line(Sample(1, TOOK, True)), "not often enough yet"),
        (line(Sample(1, TOOK, False)), "no answer"),
    ],
)
def test_what_keeps_it_from_being_settled_is_told(seen, why):
    assert seen.trouble == why
