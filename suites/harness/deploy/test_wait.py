"""Waiting: a wait ends when ready, at once where success is impossible, and at its deadline. No test sleeps."""

import threading
import time

import pytest

from deploy.errors import CommandFailed, Interrupted, StepFailed
from deploy.interrupt import STOP
from deploy.wait import until


class Clock:
    """A clock that advances only by `sleep`, or by a test."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Observed:
    """Returns the answers in turn, then the last one again; an answer that is an exception is raised."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = answers, 0

    def __call__(self) -> object:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_real_sleep(monkeypatch):
    def refuse(_: float) -> None:
        pytest.fail("this test sleeps")

    monkeypatch.setattr(time, "sleep", refuse)


def test_a_condition_that_holds_at_once_takes_no_time(clock):
    assert until(Observed("up"), timeout=10, clock=clock) == "up"
    assert clock.slept == []


def test_a_condition_is_polled_every_interval(clock):
    observe = Observed("", "", "up")
    assert until(observe, timeout=10, interval=0.5, clock=clock) == "up"
    assert clock.slept == [0.5, 0.5]


def test_the_caller_defines_ready(clock):
    assert until(Observed(1, 2, 3), ready=lambda seen: seen == 3, timeout=10, clock=clock) == 3


def test_an_unchanged_observation_ends_the_wait_early(clock):
    with pytest.raises(StepFailed, match="wait: no change for 5 s"):
        until(Observed("a", "b", "b"), ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)
    assert sum(clock.slept) == pytest.approx(6, abs=1)


def test_a_changing_observation_gets_the_whole_time_out(clock):
    counted = iter(range(1000))
    with pytest.raises(StepFailed, match="not ready within 60 s"):
        until(lambda: next(counted), ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)
    assert sum(clock.slept) == pytest.approx(60, abs=1)


def test_a_repeated_error_counts_as_unchanged(clock):
    observe = Observed("up", *(CommandFailed("no answer") for _ in range(3)))
    with pytest.raises(StepFailed, match="no change for 5 s"):
        until(observe, ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)


def test_a_time_out_reports_the_expected_and_the_last_observation(clock):
    with pytest.raises(StepFailed) as caught:
        until(
            Observed("first", "last"),
            ready=lambda _: False,
            timeout=5,
            what="Galera",
            expected="Synced",
            hint="look",
            clock=clock,
        )
    error = caught.value
    assert error.what == "Galera: not ready within 5 s"
    assert (error.expected, error.seen, error.hint) == ("Synced", "last", "look")


def test_polling_slows_down_and_goes_on_until_the_deadline(clock):
    with pytest.raises(StepFailed, match="not ready within 60 s"):
        until(Observed(""), timeout=60, interval=0.5, backoff=0.1, clock=clock)
    assert clock.slept[:10] == [0.5] * 10
    assert clock.slept[-2:-1] > clock.slept[-3:-2] > clock.slept[20:21] > [0.5]
    assert max(clock.slept) <= 6
    assert len(clock.slept) < 40
    assert 59.5 <= sum(clock.slept) <= 60


@pytest.mark.parametrize("backoff", [0, 0.5])
@pytest.mark.parametrize("timeout", [0.1, 1, 5, 60])
def test_no_wait_exceeds_its_time_out(clock, timeout, backoff):
    with pytest.raises(StepFailed):
        until(Observed(""), timeout=timeout, interval=0.3, backoff=backoff, clock=clock)
    assert timeout - 0.3 <= sum(clock.slept) <= timeout + 1e-9 or timeout < 0.3


def test_a_time_out_of_zero_still_observes_once(clock):
    observe = Observed("up")
    assert until(observe, timeout=0, clock=clock) == "up"


def test_time_spent_observing_counts(clock):
    def slow() -> bool:
        clock.now += 4
        return False

    with pytest.raises(StepFailed):
        until(slow, timeout=10, clock=clock)
    assert clock.now - 1000 < 10 + 4


def test_an_error_condition_ends_the_wait_at_once(clock):
    observe = Observed("joining", "inconsistent", "synced")
    with pytest.raises(StepFailed, match="Galera: cannot succeed any more") as caught:
        until(
            observe,
            ready=lambda s: s == "synced",
            error=lambda s: s == "inconsistent",
            timeout=60,
            what="Galera",
            clock=clock,
        )
    assert caught.value.seen == "inconsistent"
    assert observe.asked == 2


def test_an_error_condition_takes_precedence_over_ready(clock):
    with pytest.raises(StepFailed, match="cannot succeed"):
        until(Observed("both"), error=lambda _: True, timeout=60, clock=clock)


def test_settle_requires_consecutive_ready_observations(clock):
    observe = Observed(True, True, False, True, True, True)
    until(observe, settle=3, timeout=60, clock=clock)
    assert observe.asked == 6


def test_a_host_that_does_not_answer_is_not_ready_yet(clock):
    observe = Observed(CommandFailed("no answer"), CommandFailed("no answer"), "up")
    assert until(observe, timeout=10, clock=clock) == "up"


def test_a_host_that_never_answers_is_reported_with_its_error(clock):
    with pytest.raises(StepFailed) as caught:
        until(
            Observed("up once", CommandFailed("no answer", hint="is it on?")),
            ready=lambda _: False,
            timeout=3,
            clock=clock,
        )
    assert caught.value.seen.startswith("no answer")


def test_a_missing_answer_restarts_the_count_of_settle(clock):
    observe = Observed(True, CommandFailed("no answer"), True, True)
    until(observe, settle=2, timeout=60, clock=clock)
    assert observe.asked == 4


def test_a_missing_answer_is_no_error_condition(clock):
    observe = Observed(CommandFailed("no answer"), "up")
    assert until(observe, error=lambda seen: seen != "up", timeout=10, clock=clock) == "up"


def test_a_programming_error_ends_the_wait_unchanged(clock):
    observe = Observed("", KeyError("typo"))
    with pytest.raises(KeyError, match="typo"):
        until(observe, timeout=60, clock=clock)
    assert observe.asked == 2


def test_an_interrupted_run_ends_the_wait_at_once(clock):
    observe = Observed(Interrupted("interrupted"), "up")
    with pytest.raises(Interrupted):
        until(observe, timeout=60, clock=clock)
    assert observe.asked == 1


def test_an_interruption_ends_a_sleeping_wait():
    timer = threading.Timer(0.1, STOP.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        until(Observed(""), timeout=60, interval=30)
    assert time.monotonic() - started < 10
    timer.join()


def test_a_long_last_observation_is_truncated(clock):
    with pytest.raises(StepFailed) as caught:
        until(Observed("x" * 10_000), ready=lambda _: False, timeout=1, clock=clock)
    assert len(caught.value.seen) == 2000
