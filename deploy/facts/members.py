"""Members: the majority answer of a cluster's members."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def most(answers: Iterable[T], nobody: T) -> T:
    """Return the most frequent answer, on a tie the first. `nobody` means no answer; returned where none answered."""
    given = [answer for answer in answers if answer != nobody]
    return max(given, key=given.count, default=nobody)
