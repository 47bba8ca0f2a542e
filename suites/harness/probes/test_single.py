"""The VIP on one host: said only where each controller was looked at often enough, by the runner or on the wire."""

from dataclasses import replace

import pytest

from fixtures.probes.judging import recording
from fixtures.probes.judging.judgement import Judgement, judge
from fixtures.probes.judging.recording import Recording
from fixtures.probes.subject import VIP
from suites.harness.watched import DRILLS, MEMBERS, drill, pinged

ALLOWED = {"keystone": 5.0, "glance": 5.0}
FIRST, SECOND, THIRD = MEMBERS


def judged(kept: Recording, *, timed: bool = True) -> Judgement:
    return judge(kept, ALLOWED, timed=timed).of(VIP)


def outside(start: float, end: float, entries: tuple) -> tuple:
    return tuple(entry for entry in entries if not start <= entry[0] < end)


def deaf(kept: Recording, start: float = 0.0, end: float = 999.0) -> Recording:
    """Return the recording without rounds on the wire at these times."""
    return replace(kept, claims=outside(start, end, kept.claims))


def silent(kept: Recording, name: str, start: float, end: float = 999.0) -> Recording:
    """Return the recording in which a controller does not answer the runner at these times."""
    return replace(kept, looks={**kept.looks, name: outside(start, end, kept.looks[name])})


def test_frequent_looks_say_for_how_long_two_holders_may_have_been_missed():
    found = judged(drill("good"))
    assert found.outcome == "PASSED"
    assert found.reason == (
        "never on two hosts at once for longer than 0.5 s; compute02 asked on the wire, with 120 answers, and each "
        "controller gave 38 answers or more to the runner"
    )
    assert judged(deaf(drill("good"))).reason.startswith(
        "never on two hosts at once for longer than 1.7 s; nobody listened on the wire, and each"
    )


def test_one_observation_proves_nothing():
    kept = replace(drill("good"), claims=(), looks={**dict.fromkeys(MEMBERS, ()), FIRST: ((509.0, 509.1),)})
    kept = replace(kept, holders=((509.05, frozenset({FIRST})),))
    found = judged(kept)
    assert (found.outcome, "nobody looked at" in found.reason) == ("ERROR", True), found
    assert not judge(kept, ALLOWED).go


@pytest.mark.parametrize("looks", [{}, dict.fromkeys(MEMBERS, ())])
def test_no_observation_proves_nothing(looks):
    kept = replace(drill("good"), holders=(), claims=(), listeners=(), looks=looks)
    assert (judged(kept).outcome, judged(kept).reason) == ("ERROR", "nobody looked where it was")
    assert not judge(kept, ALLOWED).go
    assert not judge(kept, ALLOWED, timed=False).go


def test_an_older_recording_does_not_say_how_often_it_looked():
    kept = recording.load(DRILLS / "good.json")
    assert kept.holders
    assert judged(kept).outcome == "ERROR"


def test_a_controller_that_does_not_answer_the_runner_is_heard_on_the_wire():
    kept = silent(drill("good"), THIRD, 510.0)
    assert judged(kept).outcome == "PASSED"
    found = judged(deaf(kept))
    assert found.outcome == "ERROR"
    assert "nobody looked at controller03 before or after 1.6 s after the fault; nobody listened" in found.reason


@pytest.mark.parametrize(("later", "outcome"), [(0.35, "PASSED"), (0.45, "ERROR")])
def test_looks_that_are_too_seldom_prove_nothing(later, outcome):
    kept = deaf(drill("good"))
    moved = tuple((at + later, answered + later) if at >= 512 else (at, answered) for at, answered in kept.looks[THIRD])
    kept = replace(kept, looks={**kept.looks, THIRD: moved})
    assert judged(kept).outcome == outcome
    assert judged(kept, timed=False).outcome == "PASSED"


def test_looks_at_the_moment_of_the_fault_and_in_the_end_are_needed():
    kept = drill("good")
    assert judged(deaf(silent(kept, THIRD, 0.0, 508.5))).outcome == "ERROR"
    assert judged(deaf(silent(kept, THIRD, 526.0))).outcome == "ERROR"
    assert judged(deaf(silent(kept, THIRD, 529.0))).outcome == "PASSED"


def test_each_source_may_cover_a_part_but_takes_longer_to_see_two_holders():
    kept = silent(deaf(drill("good"), 512.0), THIRD, 0.0, 510.0)
    assert judged(kept).outcome == "PASSED"
    assert "longer than 3.4 s" in judged(kept).reason
    assert judged(deaf(kept, 511.0)).outcome == "PASSED"
    assert judged(deaf(kept, 509.0)).outcome == "ERROR"


def test_a_controller_without_power_is_looked_at_from_its_first_sign_of_life():
    kept = pinged(deaf(silent(drill("good"), FIRST, 508.0, 519.0)), (508.0, 518.5))
    assert judged(kept).outcome == "ERROR"
    assert judged(replace(kept, unpowered=True, reboots=True)).outcome == "PASSED"
    assert judged(replace(kept, unpowered=True, reboots=True, victim=SECOND)).outcome == "ERROR"
    earlier = pinged(kept, (508.0, 516.0))
    assert judged(replace(earlier, unpowered=True, reboots=True)).outcome == "ERROR"
    never = pinged(deaf(silent(drill("good"), FIRST, 508.0)), (508.0, 999.0))
    assert judged(replace(never, unpowered=True, reboots=True)).outcome == "PASSED"
    unpinged = replace(kept, timelines=drill("good").timelines, unpowered=True, reboots=True)
    assert judged(unpinged).outcome == "ERROR"


def claimed(kept: Recording, start: float, end: float, *names: str) -> Recording:
    return replace(
        kept, claims=tuple((at, frozenset(names) if start <= at < end else hosts) for at, hosts in kept.claims)
    )


def test_two_hosts_that_answer_on_the_wire_are_a_failure():
    found = judged(claimed(drill("good"), 512.0, 512.5, SECOND, THIRD))
    assert (found.outcome, found.reason) == (
        "FAILED",
        "on controller02 and controller03 at once, 4.2 s after the fault",
    )


def test_one_late_answer_after_a_move_is_none():
    moved = claimed(claimed(drill("good"), 512.0, 999.0, THIRD), 512.0, 512.25, SECOND, THIRD)
    assert judged(moved).outcome == "PASSED"


def test_a_double_is_a_failure_also_where_the_fault_had_no_effect():
    kept = claimed(replace(drill("good"), confirmed_at=None), 512.0, 513.0, FIRST, "02:00:00:00:00:01")
    assert judged(kept).outcome == "FAILED"


def test_in_the_end_either_source_may_know_the_holder():
    kept = drill("good")
    assert judged(replace(kept, holders=(*kept.holders, (530.0, frozenset())))).outcome == "PASSED"
    assert judged(claimed(kept, 529.0, 999.0)).outcome == "PASSED"


def test_looks_and_claims_are_stored(tmp_path):
    kept = replace(drill("good"), unpowered=True, reboots=True)
    kept.save(tmp_path)
    assert recording.load(tmp_path) == kept
    assert kept.claims
