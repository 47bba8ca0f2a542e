"""Stalls of the lab's machine are noted with their times; normal waiting is not."""

import time

import pytest

from fixtures.drills.run import stalls
from fixtures.drills.run.stalls import Stalls, share, spans, worst
from fixtures.probes.judging.pressure import Pressure


def readings(*shares: float) -> list[tuple[float, float]]:
    """Return readings, one per second from 100 on; `shares` are the shares of each second spent waiting."""
    return [(100.0 + n, sum(shares[:n])) for n in range(len(shares) + 1)]


@pytest.mark.parametrize(
    ("shares", "found"),
    [
        ((), []),
        ((0.02, 0.1, 0.02), []),
        ((0.02, 0.5, 0.6, 0.02), [(101.0, 103.0)]),
        ((0.5, 0.0, 0.3), [(100.0, 101.0), (102.0, 103.0)]),
        ((0.5, 0.5), [(100.0, 102.0)]),
    ],
)
def test_a_stall_lasts_from_reading_to_reading(shares, found):
    assert list(spans(readings(*shares))) == found


def test_disk_stalls_after_the_fault_are_noted_with_their_times(monkeypatch):
    watch = Stalls()
    watch._disk = readings(0.9, 0.0, 0.9, 0.9, 0.0)
    assert watch.notes(101.5) == (
        "the machine under the lab kept its hosts waiting for its own disk, 0 to 2 s after the fault",
    )
    assert watch.notes(105.0) == ()


def test_a_shortage_of_cpus_is_noted_with_its_shares():
    watch = Stalls()
    watch._processors = readings(0.2, 0.2, 0.9, 0.9)
    (note,) = watch.notes(102.0)
    assert "in 20% of the time before the fault, in 90% after it" in note
    watch._processors = readings(0.2, 0.2, 0.7, 0.7)
    assert watch.notes(102.0) == ()


@pytest.mark.parametrize(("shares", "found"), [((), 0.0), ((0.5,), 0.5), ((0.0, 1.0, 0.5), 0.5)])
def test_a_share_refers_to_the_whole_time_between_readings(shares, found):
    assert share(readings(*shares)) == pytest.approx(found)
    assert share([]) == 0.0


@pytest.mark.parametrize(
    ("shares", "found"),
    [
        ((), 0.0),
        ((0.5,) * 4, 0.5),
        ((0.0,) * 20 + (1.0,) * 5, 0.5),
        ((0.0,) * 20 + (1.0,) * 10 + (0.0,) * 20, 1.0),
        ((1.0,) * 3 + (0.0,) * 20, 0.3),
    ],
)
def test_the_worst_share_is_that_of_ten_seconds(shares, found):
    assert worst(readings(*shares)) == pytest.approx(found)


def test_readings_that_came_late_hide_no_wait():
    assert worst([(100.0, 0.0), (101.0, 0.1), (114.0, 13.1), (115.0, 13.1)]) == pytest.approx(1.0)


def test_the_pressure_is_that_of_ten_seconds_before_the_fault_and_of_the_worst_ten_after_it():
    watch = Stalls()
    watch._processors = readings(*(1.0,) * 20, *(0.2,) * 10, *(0.0,) * 20, *(0.6,) * 10)
    watch._disk = readings(*(1.0,) * 19, *(0.0,) * 3, *(1.0,) * 2, *(0.0,) * 36)
    assert watch.pressure(130.0) == Pressure(pytest.approx(0.2), pytest.approx(0.6), pytest.approx(2.0))
    assert watch.pressure(200.0) is None
    assert watch.pressure(100.0) is None


def test_the_kernel_s_figures_are_read_within_the_block(tmp_path, monkeypatch):
    disk, processors = tmp_path / "io", tmp_path / "cpu"
    disk.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n")
    processors.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull total=0\n")
    monkeypatch.setattr(stalls, "PRESSURE", tmp_path)
    monkeypatch.setattr(stalls, "EVERY", 0.01)
    began = time.monotonic()
    with Stalls() as watch:
        time.sleep(0.1)
        disk.write_text("some total=99\nfull total=9000001\n")
        processors.write_text("some total=9000007\nfull total=0\n")
        time.sleep(0.1)
    of_the_disk, of_processors = watch.notes(began)
    assert "waiting for its own disk" in of_the_disk
    assert "too few processors" in of_processors


def test_a_kernel_without_pressure_files_gives_no_notes(tmp_path, monkeypatch):
    monkeypatch.setattr(stalls, "PRESSURE", tmp_path / "none")
    with Stalls() as watch:
        pass
    assert watch.notes(0.0) == ()
    assert watch.pressure(time.monotonic()) is None
