"""What the machine under a lab kept waiting is told, with the moments; what is usual is not."""

import time

import pytest

from fixtures.drills import stalls
from fixtures.drills.stalls import Stalls, spans


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
    watch._looks = looks(0.9, 0.0, 0.9, 0.9, 0.0)
    assert watch.told(101.5) == (
        "the machine under the lab kept its hosts waiting for its own disk, 0 to 2 s after the fault",
    )
    assert watch.told(105.0) == ()


def test_the_kernel_s_own_figures_are_read_while_it_lasts(tmp_path, monkeypatch):
    pressure = tmp_path / "io"
    pressure.write_text(
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    )
    monkeypatch.setattr(stalls, "PRESSURE", pressure)
    monkeypatch.setattr(stalls, "EVERY", 0.01)
    began = time.monotonic()
    with Stalls() as watch:
        time.sleep(0.1)
        pressure.write_text("some total=99\nfull total=9000001\n")
        time.sleep(0.1)
    assert "waiting for its own disk" in watch.told(began)[0]


def test_a_kernel_that_knows_nothing_of_it_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(stalls, "PRESSURE", tmp_path / "none")
    with Stalls() as watch:
        pass
    assert watch.told(0.0) == ()
