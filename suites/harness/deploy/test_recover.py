"""Recovery of Galera: which members have data, and whether it is of one cluster."""

import pytest

from deploy.errors import StepFailed
from deploy.facts.galera import NO_UUID
from deploy.recover import Position, position, with_data

OURS, OTHER = Position("0a1b", 7), Position("ffff", 9)
UNBORN = Position(NO_UUID, -1)


def test_a_member_that_never_joined_has_no_data():
    assert with_data({"c1": OURS, "c2": UNBORN}) == {"c1": OURS}


def test_data_of_two_clusters_needs_a_decision():
    with pytest.raises(StepFailed, match="different clusters") as caught:
        with_data({"c1": OURS, "c2": UNBORN, "c3": OTHER})
    assert caught.value.seen == "c1: 0a1b, c3: ffff"


def test_without_any_data_a_build_starts_a_new_cluster():
    with pytest.raises(StepFailed, match="no member has data") as caught:
        with_data({"c1": UNBORN, "c2": UNBORN})
    assert "-m deploy" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"[Note] WSREP: Recovered position: {NO_UUID}:-1\n", UNBORN),
        (
            "WSREP: Recovered position: a3bf7306-ec11-11f1-99bb-97661beb3d4d:3147",
            Position("a3bf7306-ec11-11f1-99bb-97661beb3d4d", 3147),
        ),
        ("nothing", None),
    ],
)
def test_a_position_is_read_from_the_log(text, found):
    assert position(text) == found
