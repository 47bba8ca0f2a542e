"""What an instance writes down: told by our clock, never an outage shorter than it was, never one it did not see."""

import random
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.probes import inside
from fixtures.probes.errors import ProbeError
from fixtures.probes.inside import DEADLINES, INTERVALS, LEASE, METADATA, PAUSE, PING, Clock, Clocks, Reading, parse
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import Subject

SCRIPT = Path(inside.__file__).with_suffix(".sh")
START = 40.0


def wrote(*lines: str, end: float = 100.0) -> str:
    return "\n".join([f"end {end:.2f}", *lines]) + "\n"


def pings(
    down: float = 0, up: float = 0, *, end: float = 100.0, took: float = 0.002, start: float = START
) -> list[str]:
    """What one ping leaves whose neighbour answers nothing that is sent from `down` until `up`."""
    every = INTERVALS[PING]
    sent = [(number, start + number * every) for number in range(int((end - start) / every))]
    told = [
        f"ping {int((at + took) * 100) / 100:.2f} {number} ttl=64 time={took * 1000:.3f} ms"
        for number, at in sent
        if not down <= at < up
    ]
    return [f"ping {start:.2f} start", f"ping {start:.2f} PING 192.168.77.9 (192.168.77.9): 56 data bytes", *told]


def line(text: str, name: str = PING) -> Timeline:
    seen = parse(text)
    return Timeline(Subject(name), INTERVALS[name], seen.samples[name], seen.start, seen.end - DEADLINES[name])


def test_what_an_instance_of_the_lab_wrote_is_read():
    text = (Path(__file__).parents[1] / "recordings" / "inside.txt").read_text()
    seen = parse(text)
    found = {name: [sum(sample.ok for sample in samples), len(samples)] for name, samples in seen.samples.items()}
    # Its neighbour was still booting when it began, and answered nothing for three seconds.
    assert found == {PING: [204, 220], METADATA: [40, 40], LEASE: [20, 20]}
    assert max(sample.at for sample in line(text).samples if not sample.ok) - seen.start == pytest.approx(3, abs=0.5)


def test_what_was_always_answered_has_no_gap():
    seen = line(wrote(*pings()))
    assert all(sample.ok for sample in seen.samples)
    assert (seen.gaps, seen.open, seen.steady(10)) == ((), False, True)
    assert seen.outage == pytest.approx(INTERVALS[PING], abs=0.03)
    assert seen.stalled < 0.05


@pytest.mark.parametrize("seed", range(30))
def test_an_outage_is_never_told_shorter_than_it_was_nor_much_longer(seed):
    chance = random.Random(seed)
    down = chance.uniform(41, 90)
    up = chance.uniform(down + 0.3, 95)
    seen = line(wrote(*pings(down, up)))
    assert up - down - 0.02 <= seen.outage <= up - down + 2 * INTERVALS[PING] + 0.05
    assert seen.longest.at_least <= up - down
    assert sum(not sample.ok for sample in seen.samples) == pytest.approx((up - down) / INTERVALS[PING], abs=2)
    assert seen.stalled < 0.05  # what was sent and not answered was sent all the same


@pytest.mark.parametrize(("down", "up"), [(0, 60), (70, 200)])
def test_what_is_never_answered_at_the_beginning_or_the_end_is_failures(down, up):
    seen = line(wrote(*pings(down, up)))
    assert sum(not sample.ok for sample in seen.samples) == pytest.approx((min(up, 99) - max(down, 40)) * 5, abs=2)
    assert seen.open is (up > 100)


@pytest.mark.parametrize("seed", range(20))
def test_lost_lines_make_an_outage_longer_and_never_shorter(seed):
    chance = random.Random(seed)
    whole = pings(60, 65)
    kept = [text for text in whole if chance.random() > 0.2]
    assert line(wrote(*kept)).outage >= line(wrote(*whole)).outage - 0.02


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_last_line_that_is_not_whole_is_left_out(cut):
    tried = ["metadata 50.00", "metadata 50.00 50.10 200", "metadata 51.00 51.10 200"]
    text = wrote(*tried, *pings(end=60), end=60)
    assert [sample.ok for sample in parse(text[:-cut]).samples[METADATA]] == [True, True]
    assert all(sample.ok for sample in parse(text[:-cut]).samples[PING])


def test_an_attempt_without_an_end_got_no_answer_and_one_that_may_still_is_left_out():
    text = wrote("metadata 50.00", "lease 50.00", "lease 50.00 50.10 bound", "metadata 98.50", "lease 99.00")
    seen = parse(text)
    assert [(sample.ok, sample.took) for sample in seen.samples[METADATA]] == [(False, DEADLINES[METADATA])]
    assert [sample.ok for sample in seen.samples[LEASE]] == [True]


@pytest.mark.parametrize(
    ("told", "ok", "detail"),
    [
        ("metadata 50.00 50.10 200", True, ""),
        ("metadata 50.00 50.10 503", False, "answer 503"),
        ("metadata 50.00 53.90 none", False, "answer none"),
        ("metadata 50.00 54.10 200", False, "no answer in time"),
        ("metadata 50.00 x 200", False, "no answer in time"),
    ],
)
def test_an_answer_counts_in_time_only_and_where_it_is_the_right_one(told, ok, detail):
    (sample,) = parse(wrote("metadata 50.00", told)).samples[METADATA]
    assert (sample.ok, sample.detail, sample.at) == (ok, detail, 50.0)


def test_an_end_may_be_written_before_that_of_an_earlier_attempt():
    text = wrote("metadata 50.00", "metadata 51.00", "metadata 51.00 51.10 200", "metadata 50.00 51.20 200")
    assert [(sample.at, sample.ok) for sample in parse(text).samples[METADATA]] == [(50.0, True), (51.0, True)]


def test_a_ping_that_ends_and_begins_anew_failed_in_between():
    first, second = pings(end=60), pings(start=70)
    dead = [text for at in range(600, 700, 2) for text in (f"ping {at / 10:.2f} start", "ping 60.01 ping: sendto: no")]
    seen = line(wrote(*first, *dead, *second))
    assert seen.outage == pytest.approx(10, abs=0.5)
    assert sum(not sample.ok for sample in seen.samples) == pytest.approx(50, abs=2)


def test_a_late_answer_is_none_and_a_second_one_counts_for_nothing():
    late = ["ping 52.50 60 ttl=64 time=1500.000 ms", "ping 52.51 60 ttl=64 time=1510.000 ms (DUP!)"]
    kept = [text for text in pings() if not re.match(r"ping \S+ 60 ", text)]
    seen = line(wrote(*kept, *late))
    assert [sample.ok for sample in seen.samples].count(False) == 1


@pytest.mark.parametrize("text", ["", "ping 50.00 start", "end x\n", "cat: no such file"])
def test_what_no_instance_writes_is_an_error(text):
    with pytest.raises(ProbeError):
        parse(text)


def read(ours: float, shown: float, took: float = 0.05) -> Reading:
    return Reading(ours - took / 2, ours + took / 2, shown)


@pytest.mark.parametrize("seed", range(20))
def test_a_moment_is_told_by_our_clock_within_the_resolution(seed):
    chance = random.Random(seed)
    offset, rate = chance.uniform(-1000, 1000), 1 + chance.uniform(-0.0005, 0.0005)

    def ours(shown: float) -> float:
        return offset + shown * rate

    def at(shown: float) -> Reading:
        """The clock is read anywhere between question and answer, and shows hundredths."""
        asked = ours(shown) - chance.uniform(0, 0.1)
        return Reading(asked, ours(shown) + chance.uniform(0, 0.1), int(shown * 100) / 100)

    clock = Clock(at(40), at(160))
    for shown in (40, 77, 160):
        assert clock.ours(shown) == pytest.approx(ours(shown), abs=clock.resolution)


@pytest.mark.parametrize("jump", [-30, -0.5, 0.5, 30])
def test_a_clock_that_jumped_tells_nothing(jump):
    with pytest.raises(ProbeError, match="jumped"):
        Clock(read(1000, 40), read(1060, 100 + jump))


def attempts(*times: float) -> list[Sample]:
    return [Sample(at, 0.01, True) for at in times]


def test_a_clock_that_stood_while_the_instance_moved_makes_the_longest_gap_longer_by_that():
    clock = Clock(read(1000, 40), read(1060.8, 100), may_stand=True)
    told = [each.at for each in clock.told(attempts(50, 51, 52.5, 53.5))]
    assert told == pytest.approx([1010, 1011, 1013.3, 1014.3], abs=0.01)
    assert clock.told([]) == ()


@pytest.mark.parametrize("stood", [-0.8, PAUSE + 1])
def test_it_stands_for_no_longer_than_a_move_takes_and_never_runs_ahead(stood):
    with pytest.raises(ProbeError, match="jumped"):
        Clock(read(1000, 40), read(1060 + stood, 100), may_stand=True)


def test_what_it_saw_before_the_first_reading_and_after_the_last_is_kept():
    clocks = Clocks((read(1000, 40), read(1060, 100)))
    assert [each.at for each in clocks.told(attempts(39, 50, 101))] == pytest.approx([999, 1010, 1061], abs=0.01)


def test_what_it_saw_is_told_by_the_readings_around_it():
    clocks = Clocks((read(1000, 40), read(1030.5, 70), read(1061, 100)))
    told = [each.at for each in clocks.told(attempts(45, 50, 70, 75, 80))]
    assert told == pytest.approx([1005, 1010, 1030.5, 1035.5, 1040.5], abs=0.6)
    assert told[1] - told[0] == pytest.approx(5.5, abs=0.01)
    assert clocks.drift == pytest.approx(1.0, abs=0.01)
    assert clocks.resolution == pytest.approx(0.07, abs=0.01)


def test_one_that_was_not_moved_may_not_stand():
    with pytest.raises(ProbeError, match="jumped"):
        _ = Clocks((read(1000, 40), read(1060.8, 100))).spans


def test_the_script_makes_attempts_as_often_as_is_told_here():
    text = SCRIPT.read_text()
    assert f"ping -i {INTERVALS[PING]} " in text
    assert "sleep 1\n" in text
    assert INTERVALS[METADATA] == INTERVALS[LEASE] == 2
    assert "count % 2" in text
    assert text.count(f" {DEADLINES[METADATA]:.0f} ") == 2


def test_the_script_is_a_shell_script():
    subprocess.run(["sh", "-n", SCRIPT], check=True)
