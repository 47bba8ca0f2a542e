"""What the machine under a lab kept waiting is told, with the moments; what is usual is not."""

import time

import pytest

from fixtures.drills.run import stalls
from fixtures.drills.run.stalls import Stalls, share, spans


def looks(*shares: float) -> list[tuple[float, float]]:
    """One a second from 100 on, where that share of each was waited for."""
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
def test_a_stall_is_from_look_to_look(shares, found):
    assert list(spans(looks(*shares))) == found


def test_what_stalled_after_the_fault_is_told_with_its_moments(monkeypatch):
    watch = Stalls()
    watch._disk = looks(0.9, 0.0, 0.9, 0.9, 0.0)
    assert watch.told(101.5) == (
        "the machine under the lab kept its hosts waiting for its own disk, 0 to 2 s after the fault",
    )
    assert watch.told(105.0) == ()


def test_processors_that_are_full_are_told_with_the_share_before_and_after_the_fault():
    watch = Stalls()
    watch._processors = looks(0.2, 0.2, 0.9, 0.9)
    (note,) = watch.told(102.0)
    assert "in 20% of the time before the fault, in 90% after it" in note
    watch._processors = looks(0.2, 0.2, 0.7, 0.7)
    assert watch.told(102.0) == ()


@pytest.mark.parametrize(("shares", "found"), [((), 0.0), ((0.5,), 0.5), ((0.0, 1.0, 0.5), 0.5)])
def test_a_share_is_of_all_the_time_that_was_looked_at(shares, found):
    assert share(looks(*shares)) == pytest.approx(found)
    assert share([]) == 0.0


def test_the_kernel_s_own_figures_are_read_while_it_lasts(tmp_path, monkeypatch):
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
    of_the_disk, of_processors = watch.told(began)
    assert "waiting for its own disk" in of_the_disk
    assert "too few processors" in of_processors


def test_a_kernel_that_knows_nothing_of_it_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(stalls, "PRESSURE", tmp_path / "none")
    with Stalls() as watch:
        pass
    assert watch.told(0.0) == ()
