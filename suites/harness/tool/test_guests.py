"""Pings across an event: how many were lost, in sum and at a stretch."""

import os

import pytest

from deploy.wait import until
from fixtures.guests import EVERY, Pings, pinged


def pings(answers):
    """Pings, a letter each: `.` was answered, `x` was not."""
    numbered = dict(enumerate(answers, 1))
    return Pings(dict.fromkeys(numbered, 0.0), {number for number, answer in numbered.items() if answer == "."})


@pytest.mark.parametrize(
    ("answers", "lost", "longest"),
    [("", 0, 0), ("....", 0, 0), ("xxxx", 4, 4), (".x.xxx..", 4, 3), ("xx.x", 3, 2)],
)
def test_lost_pings_are_counted_in_sum_and_at_a_stretch(answers, lost, longest):
    seen = pings(answers)
    assert seen.lost == lost
    assert seen.away == pytest.approx(lost * EVERY)
    assert seen.longest == pytest.approx(longest * EVERY)


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel may let only root ping; run it as root")
@pytest.mark.parametrize(("address", "answers"), [("127.0.0.1", True), ("127.255.255.255", False)])
def test_only_what_is_there_answers(address, answers):
    with pinged(address, "nothing happens") as seen:
        until(lambda: len(seen.sent) > 1, timeout=60, what="pings that were sent")
    assert bool(seen.answered) == answers
