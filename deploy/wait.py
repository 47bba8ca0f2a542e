"""Waiting: poll until ready, fail early where success is impossible, report the last observation."""

import math
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from tenacity import RetryCallState, RetryError, Retrying, retry_if_result

from deploy.errors import Interrupted, StackproofError, StepFailed
from deploy.interrupt import STOP, go_on

T = TypeVar("T")


class Clock(Protocol):
    """The clock that waiting uses; tests pass one of their own."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class _RealClock:
    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        STOP.wait(seconds)
        go_on()


_REAL = _RealClock()


def until(
    observe: Callable[[], T],
    *,
    ready: Callable[[T], bool] = bool,
    error: Callable[[T], bool] | None = None,
    timeout: float,
    unchanged: float = math.inf,
    interval: float = 0.3,
    backoff: float = 0.0,
    settle: int = 1,
    what: str = "",
    expected: str = "",
    hint: str = "",
    clock: Clock = _REAL,
) -> T:
    """Return the last of `settle` consecutive observations that are `ready`.

    Raises StepFailed at once where `error` holds, after `unchanged` seconds of equal observations, and after `timeout`
    seconds. `unchanged` fails early on what has stopped without cutting short what is slow. A StackproofError of
    `observe` (a host that reboots, an API that does not answer yet) counts as an observation; any other exception
    ends the wait.

    The interval is `interval` seconds, or `backoff` times the time already waited where that is more. This bounds the
    relative error of the measured time, and keeps polling cheap during long waits.
    """
    seen: T | StackproofError | None = None
    streak = 0
    text, changed = "", clock.monotonic()

    def attempt() -> bool:
        nonlocal seen, streak, text, changed
        try:
            seen = observe()
        except Interrupted:
            raise
        except StackproofError as failure:
            seen, streak = failure, 0
            return False
        finally:
            if text != str(seen):
                text, changed = str(seen), clock.monotonic()
        if error is not None and error(seen):
            raise _failure(f"{what or 'wait'}: cannot succeed any more", expected, seen, hint)
        streak = streak + 1 if ready(seen) else 0
        return streak >= settle

    started = clock.monotonic()

    def pause(_: RetryCallState) -> float:
        waited = clock.monotonic() - started
        # The last observation is made at the deadline.
        return max(interval, min(backoff * waited, timeout - waited))

    retrying = Retrying(
        retry=retry_if_result(lambda done: not done),
        stop=lambda _: clock.monotonic() + interval > min(started + timeout, changed + unchanged),
        wait=pause,
        sleep=clock.sleep,
    )
    try:
        retrying(attempt)
    except RetryError:
        still = f"no change for {unchanged:g} s" if clock.monotonic() + interval <= started + timeout else ""
        why = still or f"not ready within {timeout:g} s"
        raise _failure(f"{what or 'wait'}: {why}", expected, seen, hint) from None
    assert not isinstance(seen, StackproofError)  # noqa: S101 - attempt() returned True, so seen is a T
    return seen  # type: ignore[return-value]


def _failure(what: str, expected: str, seen: object, hint: str) -> StepFailed:
    return StepFailed(what, expected=expected, seen=str(seen)[:2000], hint=hint)
