"""Waiting: ready ends it, the impossible ends it at once, time ends it with what was last seen, and no test sleeps."""

import threading
import time

import pytest

from deploy.errors import CommandFailed, Interrupted, StepFailed
from deploy.interrupt import STOP
from deploy.wait import until


class Clock:
    """Time that passes only when somebody sleeps, or when an observation takes some."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Observed:
    """Gives one answer after the other, the last for ever; exceptions among them are raised."""

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


def test_what_is_ready_at_once_takes_no_time(clock):
    assert until(Observed("up"), timeout=10, clock=clock) == "up"
    assert clock.slept == []


def test_what_is_ready_later_is_asked_every_interval(clock):
    observe = Observed("", "", "up")
    assert until(observe, timeout=10, interval=0.5, clock=clock) == "up"
    assert clock.slept == [0.5, 0.5]


def test_ready_is_what_the_caller_says_it_is(clock):
    assert until(Observed(1, 2, 3), ready=lambda seen: seen == 3, timeout=10, clock=clock) == 3


def test_what_stands_still_is_told_before_its_time_is_up(clock):
    with pytest.raises(StepFailed, match="wait: nothing new for 5 s"):
        until(Observed("a", "b", "b"), ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)
    assert sum(clock.slept) == pytest.approx(6, abs=1)


def test_what_changes_has_all_its_time(clock):
    counted = iter(range(1000))
    with pytest.raises(StepFailed, match="not ready within 60 s"):
        until(lambda: next(counted), ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)
    assert sum(clock.slept) == pytest.approx(60, abs=1)


def test_one_error_over_and_over_is_nothing_new(clock):
    observe = Observed("up", *(CommandFailed("no answer") for _ in range(3)))
    with pytest.raises(StepFailed, match="nothing new for 5 s"):
        until(observe, ready=lambda _: False, timeout=60, unchanged=5, interval=1, clock=clock)


def test_what_is_never_ready_is_told_with_what_was_expected_and_last_seen(clock):
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


def test_what_takes_long_is_asked_less_and_less_often_and_until_the_end(clock):
    with pytest.raises(StepFailed, match="not ready within 60 s"):
        until(Observed(""), timeout=60, interval=0.5, rarer=0.1, clock=clock)
    assert clock.slept[:10] == [0.5] * 10
    assert clock.slept[-2:-1] > clock.slept[-3:-2] > clock.slept[20:21] > [0.5]
    assert max(clock.slept) <= 6
    assert len(clock.slept) < 40
    assert 59.5 <= sum(clock.slept) <= 60


@pytest.mark.parametrize("rarer", [0, 0.5])
@pytest.mark.parametrize("timeout", [0.1, 1, 5, 60])
def test_no_wait_is_longer_than_its_time(clock, timeout, rarer):
    with pytest.raises(StepFailed):
        until(Observed(""), timeout=timeout, interval=0.3, rarer=rarer, clock=clock)
    assert timeout - 0.3 <= sum(clock.slept) <= timeout + 1e-9 or timeout < 0.3


def test_even_without_time_it_is_asked_once(clock):
    observe = Observed("up")
    assert until(observe, timeout=0, clock=clock) == "up"


def test_time_that_observing_takes_counts(clock):
    def slow() -> bool:
        clock.now += 4
        return False

    with pytest.raises(StepFailed):
        until(slow, timeout=10, clock=clock)
    assert clock.now - 1000 < 10 + 4


def test_the_impossible_ends_the_wait_at_once(clock):
    observe = Observed("joining", "inconsistent", "synced")
    with pytest.raises(StepFailed, match="Galera: cannot come true any more") as caught:
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


def test_the_impossible_counts_more_than_ready(clock):
    with pytest.raises(StepFailed, match="cannot come true"):
        until(Observed("both"), error=lambda _: True, timeout=60, clock=clock)


def test_settled_is_ready_so_many_times_running(clock):
    observe = Observed(True, True, False, True, True, True)
    until(observe, settle=3, timeout=60, clock=clock)
    assert observe.asked == 6


def test_a_host_that_does_not_answer_is_not_ready_yet(clock):
    observe = Observed(CommandFailed("no answer"), CommandFailed("no answer"), "up")
    assert until(observe, timeout=10, clock=clock) == "up"


def test_a_host_that_never_answers_is_told_with_its_error(clock):
    with pytest.raises(StepFailed) as caught:
        until(
            Observed("up once", CommandFailed("no answer", hint="is it on?")),
            ready=lambda _: False,
            timeout=3,
            clock=clock,
        )
    assert caught.value.seen.startswith("no answer")


def test_no_answer_breaks_a_streak(clock):
    observe = Observed(True, CommandFailed("no answer"), True, True)
    until(observe, settle=2, timeout=60, clock=clock)
    assert observe.asked == 4


def test_no_answer_is_not_judged_impossible(clock):
    observe = Observed(CommandFailed("no answer"), "up")
    assert until(observe, error=lambda seen: seen != "up", timeout=10, clock=clock) == "up"


def test_a_mistake_of_ours_ends_the_wait_as_what_it_is(clock):
    observe = Observed("", KeyError("typo"))
    with pytest.raises(KeyError, match="typo"):
        until(observe, timeout=60, clock=clock)
    assert observe.asked == 2


def test_an_interrupted_run_ends_the_wait_at_once(clock):
    observe = Observed(Interrupted("interrupted"), "up")
    with pytest.raises(Interrupted):
        until(observe, timeout=60, clock=clock)
    assert observe.asked == 1


def test_an_interruption_ends_a_wait_that_sleeps():
    timer = threading.Timer(0.1, STOP.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        until(Observed(""), timeout=60, interval=30)
    assert time.monotonic() - started < 10
    timer.join()


def test_what_was_seen_is_told_in_part_when_it_is_long(clock):
    with pytest.raises(StepFailed) as caught:
        until(Observed("x" * 10_000), ready=lambda _: False, timeout=1, clock=clock)
    assert len(caught.value.seen) == 2000
