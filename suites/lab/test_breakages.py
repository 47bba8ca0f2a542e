"""Promises are broken on purpose: exactly the checks that promise it turn red, and green again after the repair."""

from pathlib import Path

import pytest

from fixtures import breakages

BREAKAGES = breakages.load(Path(__file__).with_name("breakages.toml"))
ROUNDS = sorted({breakage.round for breakage in BREAKAGES})

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]


@pytest.fixture(scope="module", params=BREAKAGES, ids=lambda breakage: breakage.name)
def breakage(request):
    return request.param


@pytest.fixture(scope="module", params=ROUNDS, ids=lambda number: f"round-{number}")
def examined(request, content, rounds):
    return rounds[request.param]


def test_its_checks_turn_red(content, rounds, breakage):
    seen = rounds[breakage.round]
    (meant,) = [placed for placed in seen.breakages if placed.name == breakage.name]
    assert meant.red - seen.broken.keys() == set()


def test_no_other_check_does(examined):
    assert examined.unexpected == {}


def test_all_are_green_again_after_the_repair(examined):
    assert examined.repaired == {}
