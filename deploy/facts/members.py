"""Members: what most of a cluster's say, where each was asked."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def most(told: Iterable[T], nobody: T) -> T:
    """The answer that most gave, the first of equals; `nobody` stands for no answer, and is given where all are."""
    answers = [answer for answer in told if answer != nobody]
    return max(answers, key=answers.count, default=nobody)
