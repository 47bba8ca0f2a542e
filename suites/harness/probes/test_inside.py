"""An instance's log: converted to our clock, with no outage too short and none invented."""

import random
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.probes import inside
from fixtures.probes.errors import ProbeError
from fixtures.probes.inside import (
    BLOCK,
    DEADLINES,
    INTERVALS,
    LEASE,
    METADATA,
    PAUSE,
    PING,
    WRITE,
    Clock,
    Clocks,
    Reading,
    parse,
)
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
    """Return the log of one ping whose neighbour answers no request sent from `down` until `up`."""
    every = INTERVALS[PING]
    sent = [(number, start + number * every) for number in range(int((end - start) / every))]
    replies = [
        f"ping {int((at + took) * 100) / 100:.2f} {number} ttl=64 time={took * 1000:.3f} ms"
        for number, at in sent
        if not down <= at < up
    ]
    return [f"ping {start:.2f} start", f"ping {start:.2f} PING 192.168.77.9 (192.168.77.9): 56 data bytes", *replies]


def line(text: str, name: str = PING) -> Timeline:
    log = parse(text)
    return Timeline(Subject(name), INTERVALS[name], log.samples[name], log.start, log.end - DEADLINES[name])


def test_a_recorded_log_of_a_lab_instance_is_parsed():
    text = (Path(__file__).parents[1] / "recordings" / "inside.txt").read_text()
    log = parse(text)
    found = {name: [sum(sample.ok for sample in samples), len(samples)] for name, samples in log.samples.items()}
    # At the start its neighbour was still booting, and answered nothing for 3 s.
    assert found == {PING: [204, 220], METADATA: [40, 40], LEASE: [20, 20], WRITE: [0, 0]}
    assert max(sample.at for sample in line(text).samples if not sample.ok) - log.start == pytest.approx(3, abs=0.5)


def test_a_log_without_outages_has_no_gap():
    measured = line(wrote(*pings()))
    assert all(sample.ok for sample in measured.samples)
    assert (measured.gaps, measured.open, measured.steady(10)) == ((), False, True)
    assert measured.outage == pytest.approx(INTERVALS[PING], abs=0.03)
    assert measured.stalled < 0.05


@pytest.mark.parametrize("seed", range(30))
def test_an_outage_is_never_too_short_nor_much_too_long(seed):
    chance = random.Random(seed)
    down = chance.uniform(41, 90)
    up = chance.uniform(down + 0.3, 95)
    measured = line(wrote(*pings(down, up)))
    assert up - down - 0.02 <= measured.outage <= up - down + 2 * INTERVALS[PING] + 0.05
    assert measured.longest.at_least <= up - down
    assert sum(not sample.ok for sample in measured.samples) == pytest.approx((up - down) / INTERVALS[PING], abs=2)
    assert measured.stalled < 0.05  # unanswered requests were sent on schedule


@pytest.mark.parametrize(("down", "up"), [(0, 60), (70, 200)])
def test_unanswered_requests_at_start_or_end_are_failures(down, up):
    measured = line(wrote(*pings(down, up)))
    assert sum(not sample.ok for sample in measured.samples) == pytest.approx((min(up, 99) - max(down, 40)) * 5, abs=2)
    assert measured.open is (up > 100)


@pytest.mark.parametrize("seed", range(20))
def test_lost_lines_make_an_outage_longer_and_never_shorter(seed):
    chance = random.Random(seed)
    whole = pings(60, 65)
    kept = [text for text in whole if chance.random() > 0.2]
    assert line(wrote(*kept)).outage >= line(wrote(*whole)).outage - 0.02


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_an_incomplete_last_line_is_skipped(cut):
    tried = ["metadata 50.00", "metadata 50.00 50.10 200", "metadata 51.00 51.10 200"]
    text = wrote(*tried, *pings(end=60), end=60)
    assert [sample.ok for sample in parse(text[:-cut]).samples[METADATA]] == [True, True]
    assert all(sample.ok for sample in parse(text[:-cut]).samples[PING])


def test_an_attempt_without_an_end_failed_once_its_deadline_passed():
    text = wrote("metadata 50.00", "lease 50.00", "lease 50.00 50.10 bound", "metadata 98.50", "lease 99.00")
    log = parse(text)
    assert [(sample.ok, sample.took) for sample in log.samples[METADATA]] == [(False, DEADLINES[METADATA])]
    assert [sample.ok for sample in log.samples[LEASE]] == [True]


@pytest.mark.parametrize(
    ("logged", "ok", "detail"),
    [
        ("metadata 50.00 50.10 200", True, ""),
        ("metadata 50.00 50.10 503", False, "answer 503"),
        ("metadata 50.00 53.90 none", False, "answer none"),
        ("metadata 50.00 54.10 200", False, "no answer in time"),
        ("metadata 50.00 x 200", False, "no answer in time"),
    ],
)
def test_an_answer_counts_only_in_time_and_with_the_right_value(logged, ok, detail):
    (sample,) = parse(wrote("metadata 50.00", logged)).samples[METADATA]
    assert (sample.ok, sample.detail, sample.at) == (ok, detail, 50.0)


def test_attempts_may_be_logged_out_of_order():
    text = wrote("metadata 50.00", "metadata 51.00", "metadata 51.00 51.10 200", "metadata 50.00 51.20 200")
    assert [(sample.at, sample.ok) for sample in parse(text).samples[METADATA]] == [(50.0, True), (51.0, True)]


def test_the_time_between_two_ping_processes_is_failures():
    first, second = pings(end=60), pings(start=70)
    dead = [text for at in range(600, 700, 2) for text in (f"ping {at / 10:.2f} start", "ping 60.01 ping: sendto: no")]
    measured = line(wrote(*first, *dead, *second))
    assert measured.outage == pytest.approx(10, abs=0.5)
    assert sum(not sample.ok for sample in measured.samples) == pytest.approx(50, abs=2)


def test_late_answers_are_failures_and_duplicates_are_ignored():
    late = ["ping 52.50 60 ttl=64 time=1500.000 ms", "ping 52.51 60 ttl=64 time=1510.000 ms (DUP!)"]
    kept = [text for text in pings() if not re.match(r"ping \S+ 60 ", text)]
    measured = line(wrote(*kept, *late))
    assert [sample.ok for sample in measured.samples].count(False) == 1


@pytest.mark.parametrize("text", ["", "ping 50.00 start", "end x\n", "cat: no such file"])
def test_text_that_is_no_log_is_an_error(text):
    with pytest.raises(ProbeError):
        parse(text)


def writes(*took: float, start: float = START) -> list[str]:
    """Return the log of writes that took so many seconds; the last one has no answer where its time is negative."""
    lines, at = [], start
    for number, seconds in enumerate(took, 1):
        lines.append(f"write {at:.2f} {number}")
        if seconds >= 0:
            lines.append(f"write {at:.2f} {number} {at + seconds:.2f} kept")
        at += seconds + INTERVALS[WRITE]
    return lines


def test_writes_are_numbered_and_acknowledged():
    measured = line(wrote(*writes(*[0.02] * 100), end=53.0), WRITE)
    assert [sample.number for sample in measured.samples] == list(range(1, 101))
    assert all(sample.ok and sample.sent for sample in measured.samples)
    assert measured.stalled < 0.05


@pytest.mark.parametrize("stall", [0.6, 2.5, 4.1, 30.0])
def test_a_write_that_waits_is_acknowledged_and_an_outage_of_its_length(stall):
    measured = line(wrote(*writes(*[0.02] * 20, stall, *[0.02] * 20), end=START + 5.9 + stall), WRITE)
    after = measured.window(START + 1.0)
    assert stall <= after.outage <= stall + INTERVALS[WRITE] + 0.05
    assert stall - 0.4 <= after.longest.at_least <= stall
    assert [sample.number for sample in measured.samples if sample.ok] == list(range(1, 42))
    assert after.stalled < 0.2  # a write that waits is no probe that stands still


def test_a_write_without_an_answer_is_unknown_and_the_service_away():
    measured = line(wrote(*writes(*[0.02] * 20, -1), end=60.0), WRITE)
    assert measured.open
    assert [sample.number for sample in measured.samples if not sample.ok and sample.number] == [21]
    assert all(sample.sent for sample in measured.samples if sample.number == 21)


def test_a_refused_write_is_no_acknowledged_one():
    text = wrote("write 50.00 1", "write 50.00 1 50.01 failed")
    assert [(each.ok, each.detail) for each in parse(text).samples[WRITE]] == [(False, "answer failed")]


def read(ours: float, shown: float, took: float = 0.05) -> Reading:
    return Reading(ours - took / 2, ours + took / 2, shown)


@pytest.mark.parametrize("seed", range(20))
def test_a_time_is_converted_within_the_resolution(seed):
    chance = random.Random(seed)
    offset, rate = chance.uniform(-1000, 1000), 1 + chance.uniform(-0.0005, 0.0005)

    def ours(shown: float) -> float:
        return offset + shown * rate

    def at(shown: float) -> Reading:
        """Read the clock at a random time between request and answer, with a resolution of 0.01 s."""
        asked = ours(shown) - chance.uniform(0, 0.1)
        return Reading(asked, ours(shown) + chance.uniform(0, 0.1), int(shown * 100) / 100)

    clock = Clock(at(40), at(160))
    for shown in (40, 77, 160):
        assert clock.ours(shown) == pytest.approx(ours(shown), abs=clock.resolution)


@pytest.mark.parametrize("jump", [-30, -0.5, 0.5, 30])
def test_a_clock_that_jumped_is_an_error(jump):
    with pytest.raises(ProbeError, match="jumped"):
        Clock(read(1000, 40), read(1060, 100 + jump))


def attempts(*times: float) -> list[Sample]:
    return [Sample(at, 0.01, True) for at in times]


def test_a_pause_during_a_migration_extends_the_longest_gap():
    clock = Clock(read(1000, 40), read(1060.8, 100), may_stand=True)
    converted = [each.at for each in clock.converted(attempts(50, 51, 52.5, 53.5))]
    assert converted == pytest.approx([1010, 1011, 1013.3, 1014.3], abs=0.01)
    assert clock.converted([]) == ()


@pytest.mark.parametrize("stood", [-0.8, PAUSE + 1])
def test_a_clock_that_ran_ahead_or_paused_too_long_is_an_error(stood):
    with pytest.raises(ProbeError, match="jumped"):
        Clock(read(1000, 40), read(1060 + stood, 100), may_stand=True)


def test_samples_before_the_first_and_after_the_last_reading_are_kept():
    clocks = Clocks((read(1000, 40), read(1060, 100)))
    assert [each.at for each in clocks.converted(attempts(39, 50, 101))] == pytest.approx([999, 1010, 1061], abs=0.01)


def test_samples_are_converted_by_the_readings_around_them():
    clocks = Clocks((read(1000, 40), read(1030.5, 70), read(1061, 100)))
    converted = [each.at for each in clocks.converted(attempts(45, 50, 70, 75, 80))]
    assert converted == pytest.approx([1005, 1010, 1030.5, 1035.5, 1040.5], abs=0.6)
    assert converted[1] - converted[0] == pytest.approx(5.5, abs=0.01)
    assert clocks.drift == pytest.approx(1.0, abs=0.01)
    assert clocks.resolution == pytest.approx(0.07, abs=0.01)


def test_a_pause_without_a_migration_is_an_error():
    with pytest.raises(ProbeError, match="jumped"):
        _ = Clocks((read(1000, 40), read(1060.8, 100))).spans


def test_the_script_uses_the_intervals_of_this_module():
    text = SCRIPT.read_text()
    assert f"ping -i {INTERVALS[PING]} " in text
    assert "sleep 1\n" in text
    assert INTERVALS[METADATA] == INTERVALS[LEASE] == 2
    assert "count % 2" in text
    assert text.count(f" {DEADLINES[METADATA]:.0f} ") == 2
    assert f"sleep {INTERVALS[WRITE]}\n" in text
    assert f"bs={BLOCK} " in text


def test_the_script_is_a_shell_script():
    subprocess.run(["sh", "-n", SCRIPT], check=True)
