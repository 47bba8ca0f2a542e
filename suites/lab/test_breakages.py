"""Each breakage turns exactly its checks red, and all checks are green again after the repair."""

from pathlib import Path

import pytest

from fixtures import breakages

BREAKAGES = breakages.load(Path(__file__).with_name("breakages.toml"))
ROUNDS = sorted({breakage.round for breakage in BREAKAGES})

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]


def marked(breakage):
    return pytest.param(breakage, id=breakage.name, marks=pytest.mark.project(*breakage.projects))


@pytest.fixture(scope="module", params=map(marked, BREAKAGES))
def breakage(request):
    return request.param


@pytest.fixture(scope="module", params=ROUNDS, ids=lambda number: f"round-{number}")
def examined(request, content, rounds):
    return rounds[request.param]


def test_breakage_turns_its_checks_red(content, rounds, breakage):
    done = rounds[breakage.round]
    (placed,) = [other for other in done.breakages if other.name == breakage.name]
    assert placed.red - done.broken.keys() == set()


def test_no_other_check_turns_red(examined):
    assert not examined.unexpected, listed(examined.unexpected)


def test_all_checks_are_green_after_the_repair(examined):
    assert not examined.repaired, listed(examined.repaired)


def listed(reds):
    return "\n".join(f"{check}: {why}" for check, why in reds.items())
