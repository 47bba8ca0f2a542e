"""Timelines: a measured outage is never too short, and too long by at most its resolution."""

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
    """Return a timeline with an attempt in every slot; `attempt` returns the sample of an attempt started at a time."""
    count = round((end - start) / interval)
    return line(*(attempt(start + slot * interval) for slot in range(count)), start=start, end=end, interval=interval)


def refusing(down: float, up: float, took: float = TOOK) -> Try:
    """A service that refuses connections while it is down."""
    return lambda at: Sample(at, 0.001, False, "refused") if down <= at < up else Sample(at, took, True)


def silent(down: float, up: float, deadline: float, took: float = TOOK) -> Try:
    """A service that is silent while it is down, and never answers those requests."""
    return lambda at: Sample(at, deadline, False, "no answer") if down <= at < up else Sample(at, took, True)


def frozen(down: float, up: float, deadline: float, took: float = TOOK) -> Try:
    """A service that freezes while it is down, and then answers the requests that still wait."""

    def attempt(at: float) -> Sample:
        took_now = up - at + took if down <= at < up else took
        return Sample(at, took_now, True) if took_now <= deadline else Sample(at, deadline, False, "no answer")

    return attempt


def test_without_a_failure_the_outage_is_one_interval_and_never_0():
    measured = tried(lambda at: Sample(at, TOOK, True))
    assert measured.outage == pytest.approx(0.1 + TOOK)
    assert measured.resolution == pytest.approx(measured.outage)
    assert (measured.gaps, measured.lost, measured.open) == ((), 0.0, False)


def test_one_failure_lies_between_the_successes_around_it():
    measured = tried(refusing(4.95, 5.05))
    assert measured.outage == pytest.approx(0.2 + TOOK)
    assert (len(measured.gaps), measured.gaps[0].failures, measured.longest.at_least) == (1, 1, 0.0)


@pytest.mark.parametrize("service", [refusing(3.02, 6.05), silent(3.02, 6.05, 2.0)], ids=["refuses", "is silent"])
def test_an_outage_is_between_its_bounds(service):
    measured = tried(service)
    assert 3.03 <= measured.outage <= 3.03 + 2 * (0.1 + TOOK)
    assert 3.03 - 2 * (0.1 + TOOK) <= measured.longest.at_least <= 3.03
    assert measured.lost == measured.outage


def test_a_slow_answer_within_the_deadline_is_an_outage_without_a_failure():
    measured = tried(frozen(3.02, 6.05, deadline=5.0))
    assert 3.03 <= measured.outage <= 3.03 + 0.1 + 2 * TOOK
    assert (measured.longest.failures, measured.longest.at_least, len(measured.gaps)) == (0, 0.0, 1)
    assert measured.slowest == pytest.approx(3.0, abs=0.1)


def test_quick_answers_before_the_fault_narrow_the_bounds():
    measured = tried(frozen(3.02, 6.05, deadline=2.0))
    assert measured.longest.at_least < measured.window(2.5).longest.at_least <= 3.03
    assert measured.window(2.5).resolution <= 2 * 0.1 + 4 * TOOK


def test_one_slow_answer_among_quick_ones_is_no_outage():
    quick = [Sample(slot / 10, TOOK, True) for slot in range(100) if slot != 50]
    measured = line(*quick, Sample(5.0, 3.0, True))
    assert measured.outage == pytest.approx(0.2 + TOOK)


@pytest.mark.parametrize("seed", range(60))
def test_the_true_outage_is_within_the_resolution(seed):
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
    measured = line(*samples, end=30.0, interval=interval)
    for view in (measured, measured.window(4.9)):
        assert view.outage >= up - down - 1e-9
        assert view.outage - view.resolution <= up - down + 1e-9


@pytest.mark.parametrize("away", [0.3, 2.0, 5.0])
def test_a_service_that_stays_away_is_away_until_the_watch_ends(away):
    measured = tried(refusing(10 - away, 99))
    assert away <= measured.outage <= away + 0.1 + TOOK
    assert measured.open
    assert measured.longest.open


def test_one_failure_at_the_very_end_is_open():
    measured = tried(refusing(9.85, 11))
    assert [sample.ok for sample in measured.samples[-2:]] == [True, False]
    assert measured.open
    assert measured.longest.seconds < 0.3


def test_a_gap_has_the_failures_up_to_its_return_and_not_those_of_the_next():
    """Attempts may overlap: a failed one may begin before a success has ended."""
    samples = (
        Sample(0.0, 0.1, True),
        Sample(1.0, 0.1, False),
        Sample(2.0, 0.1, True),
        Sample(2.05, 0.1, False),
        Sample(3.0, 0.1, True),
    )
    first, second = [gap for gap in line(*samples, end=3.1).window(0.05).gaps if gap.failures]
    assert (first.failures, first.at_least) == (1, 0.0)
    assert (second.failures, second.at_least) == (1, 0.0)


def test_one_success_at_the_very_end_is_a_return():
    measured = tried(refusing(5.0, 9.9))
    assert not measured.open
    assert measured.outage == pytest.approx(5.0 + TOOK)


def test_a_probe_without_recent_samples_is_open():
    measured = line(*(Sample(slot / 10, TOOK, True) for slot in range(80)))
    assert measured.open


def test_a_timeline_without_attempts_is_unproven():
    with pytest.raises(Unproven, match="no attempt between"):
        _ = line().outage


def test_a_timeline_without_a_success_is_unproven():
    measured = tried(refusing(0, 99))
    for figure in ("outage", "resolution", "open", "gaps", "lost"):
        with pytest.raises(Unproven, match="none of 100 attempts succeeded"):
            getattr(measured, figure)


def test_a_window_counts_from_its_own_start():
    measured = tried(refusing(4.0, 7.0)).window(5.0)
    assert measured.outage == pytest.approx(2.0 + TOOK)


def test_outages_of_loss_and_return_are_measured_apart():
    def twice(at: float) -> Sample:
        return Sample(at, TOOK, not (2.0 <= at < 3.0 or 6.0 <= at < 6.5))

    measured = tried(twice)
    assert measured.window(1.0, 5.0).outage == pytest.approx(1.1 + TOOK)
    assert measured.window(5.0).outage == pytest.approx(0.6 + TOOK)
    assert (len(measured.gaps), measured.lost) == (2, pytest.approx(1.7 + 2 * TOOK))


def test_a_window_in_which_all_fails_is_an_outage_where_it_worked_before():
    measured = tried(refusing(4.0, 99)).window(5.0, 8.0)
    assert measured.outage == pytest.approx(3.0)
    assert measured.open


def test_a_window_without_attempts_is_unproven_also_after_successes():
    with pytest.raises(Unproven):
        _ = tried(refusing(4.0, 99)).window(20.0, 30.0).outage


def test_lost_time_counts_once_where_attempts_overlap():
    measured = tried(silent(2.0, 9.0, deadline=5.0))
    assert measured.lost <= 10.0


def test_every_second_attempt_failing_is_many_gaps_and_no_long_outage():
    measured = tried(lambda at: Sample(at, TOOK, round(at * 10) % 2 == 0))
    assert measured.outage < 0.25
    assert len(measured.gaps) == 50
    assert measured.lost == pytest.approx(10.0, abs=0.3)


@pytest.mark.parametrize(
    ("attempts", "steady"), [(1, True), (20, True), (50, True), (60, False), (100, False), (101, False), (0, False)]
)
def test_steady_means_that_the_last_attempts_succeeded(attempts, steady):
    assert tried(refusing(4.5, 5.0)).steady(attempts) == steady


def test_an_attempt_under_way_at_the_window_s_end_does_not_count_for_steady():
    measured = tried(silent(4.95, 99, deadline=2.0))
    assert measured.window(0.0, 5.05).steady(20)
    assert not measured.steady(20)


def test_a_probe_that_ran_all_the_time_did_not_stall():
    assert tried(refusing(2.0, 8.0)).stalled == pytest.approx(0.0)
    assert tried(silent(2.0, 8.0, deadline=5.0)).missed == 0


@pytest.mark.parametrize(("first", "last"), [(0, 30), (40, 70), (70, 100)], ids=["began late", "slept", "ended early"])
def test_a_probe_that_did_not_run_is_detected(first, last):
    measured = line(*(Sample(slot / 10, TOOK, True) for slot in range(100) if not first <= slot < last))
    assert measured.stalled == pytest.approx(3.0, abs=0.11)
    assert measured.missed == 30


def test_a_probe_that_ran_more_often_than_it_should_did_not_stall():
    quick = line(*(Sample(slot / 20, TOOK, True) for slot in range(200)), interval=0.1)
    assert quick.stalled == 0.0
    assert quick.missed == 0


def test_missed_attempts_are_those_of_the_observed_time():
    measured = line(*(Sample(5 + slot / 10, TOOK, True) for slot in range(50)), start=5.0, end=15.0)
    assert measured.missed == 50
    assert measured.stalled == pytest.approx(5.0)


@pytest.mark.parametrize(("missing", "gaps"), [(2, 0), (3, 1)])
def test_a_stretch_without_a_failure_is_a_gap_where_it_takes_three_times_as_long_as_usual(missing, gaps):
    every = 0.4
    slots = (slot for slot in range(25) if not 10 <= slot < 10 + missing)
    measured = line(*(Sample(slot * every, TOOK, True) for slot in slots), interval=every)
    assert len(measured.gaps) == gaps
    assert measured.lost == pytest.approx(gaps * (every * (missing + 1) + TOOK))


@pytest.mark.parametrize(("missing", "gaps"), [(4, 0), (6, 1)])
def test_a_short_stretch_without_a_failure_is_no_gap_however_quick_the_probe(missing, gaps):
    measured = line(*(Sample(slot / 10, TOOK, True) for slot in range(100) if not 40 <= slot < 40 + missing))
    assert len(measured.gaps) == gaps


def test_without_a_success_answers_take_no_time():
    measured = line(Sample(1.0, 1.0, False))
    assert (measured.slowest, measured.usual) == (0.0, 0.1)


def test_an_attempt_that_ends_with_the_window_counts():
    measured = line(Sample(0.5, 0.25, True), Sample(1.0, 0.5, False), end=1.5)
    assert not measured.steady(1)
    assert measured.window(0.0, 1.25).steady(1)
    assert not line().steady(0)


def test_a_stall_is_no_proof_of_service():
    """Time without attempts counts as away, so that a stalled probe does not measure too short an outage."""
    measured = line(*(Sample(slot / 10, TOOK, True) for slot in range(100) if not 40 <= slot < 70))
    assert measured.outage > 3.0
    assert measured.longest.at_least == 0.0


def test_the_order_of_samples_does_not_matter():
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
    ("measured", "why"),
    [
        (tried(refusing(11, 12)), ""),
        (tried(refusing(9.5, 12)), "refused"),
        (tried(refusing(0, 1), end=0.3), "refused"),
        (line(Sample(1, TOOK, True)), "too few attempts yet"),
        (line(Sample(1, TOOK, False)), "no answer"),
        (line(Sample(1, TOOK, False, "refused"), Sample(2, TOOK, False, "reset"), Sample(3, TOOK, True)), "reset"),
    ],
)
def test_the_reason_is_given_where_a_timeline_is_not_settled(measured, why):
    assert measured.trouble == why


@pytest.mark.parametrize(
    ("interval", "enough"), [(0.1, 10), (0.3, 10), (0.31, 10), (0.5, 6), (0.7, 5), (1.0, 3), (2.0, 3)]
)
def test_a_service_has_settled_after_10_successes_or_those_of_3_s_but_3_at_least(interval, enough):
    for successes in (enough - 1, enough):
        up = (40 - successes - 0.5) * interval
        assert tried(refusing(0, up), end=40 * interval, interval=interval).settled is (successes == enough)


@pytest.mark.parametrize("failures", [9, 10])
def test_a_service_is_gone_once_none_of_the_last_ten_attempts_succeeded(failures):
    assert tried(refusing(10 - failures / 10 - 0.05, 11)).gone is (failures == 10)


def test_a_success_that_ended_when_a_window_begins_is_one_before_it():
    measured = line(Sample(1.0, 0.25, True), Sample(2.0, 0.5, True), Sample(3.0, 0.125, True))
    assert [measured.window(start).before for start in (1.2, 1.25, 2.49, 2.5)] == [None, 0.25, 0.25, 0.5]
    assert measured.window(2.5).window(2.5).before == 0.5


@pytest.mark.parametrize(("down", "up", "failing"), [(8.0, 9.0, False), (7.9, 9.1, True), (5.0, 8.0, False)])
def test_a_service_is_failing_where_most_of_the_last_20_attempts_failed(down, up, failing):
    assert tried(refusing(down + 0.01, up + 0.01)).failing is failing


def test_a_service_that_succeeds_once_in_19_attempts_is_failing_and_not_open():
    measured = tried(lambda at: Sample(at, TOOK, round(at * 10) % 19 == 4))
    assert (measured.failing, measured.open) == (True, False)


@pytest.mark.parametrize(
    ("quick", "slow", "p95"), [(2, 1, 0.01), (19, 1, 0.01), (38, 2, 0.01), (38, 3, 2.0), (9, 2, 2.0)]
)
def test_p95_leaves_out_the_slowest_of_a_few(quick, slow, p95):
    samples = [Sample(at / 10, 0.01 if at < quick else 2.0, True) for at in range(quick + slow)]
    assert line(*samples, Sample(9.0, 9.0, False)).p95 == p95


def test_without_a_success_p95_is_0():
    assert line(Sample(1.0, 1.0, False)).p95 == 0.0
