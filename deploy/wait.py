"""Waiting: observe until ready, fail early on the impossible, say what was last seen."""

import math
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from tenacity import RetryCallState, RetryError, Retrying, retry_if_result

from deploy.errors import Interrupted, StackproofError, StepFailed
from deploy.interrupt import STOP, go_on

T = TypeVar("T")


class Clock(Protocol):
    """What waiting needs of time, so that tests can run it."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""


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
    rarer: float = 0.0,
    settle: int = 1,
    what: str = "",
    expected: str = "",
    hint: str = "",
    clock: Clock = _REAL,
) -> T:
    """Return the first observation that is `ready` (`settle` times running).

    Raises StepFailed at once when `error` holds, after `unchanged` seconds in which the same was observed over and
    over, so that what is slow gets its time and what stands still is told early, and after `timeout` seconds. An
    exception of `observe` itself is not "not yet": it ends the wait, unless it is a StackproofError (a host
    that is still rebooting, an API that does not answer yet), which counts as an observation.

    Observations are `interval` seconds apart, or `rarer` times what has been waited for already, if that is more: so
    that what is waited for is known to that part, however long it takes, and not slowed down by being looked at.
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
            raise _failure(f"{what or 'wait'}: cannot come true any more", expected, seen, hint)
        streak = streak + 1 if ready(seen) else 0
        return streak >= settle

    started = clock.monotonic()

    def pause(_: RetryCallState) -> float:
        waited = clock.monotonic() - started
        # The last observation is as late as it may be.
        return max(interval, min(rarer * waited, timeout - waited))

    retrying = Retrying(
        retry=retry_if_result(lambda done: not done),
        stop=lambda _: clock.monotonic() + interval > min(started + timeout, changed + unchanged),
        wait=pause,
        sleep=clock.sleep,
    )
    try:
        retrying(attempt)
    except RetryError:
        still = f"nothing new for {unchanged:g} s" if clock.monotonic() + interval <= started + timeout else ""
        why = still or f"not ready within {timeout:g} s"
        raise _failure(f"{what or 'wait'}: {why}", expected, seen, hint) from None
    assert not isinstance(seen, StackproofError)  # noqa: S101 - attempt() returned True, so seen is a T
    return seen  # type: ignore[return-value]


def _failure(what: str, expected: str, seen: object, hint: str) -> StepFailed:
    return StepFailed(what, expected=expected, seen=str(seen)[:2000], hint=hint)
