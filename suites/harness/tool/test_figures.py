"""Figures of flows: percentiles, and the table at the end of a run; the time of --for."""

from argparse import ArgumentTypeError

import pytest

from fixtures import figures, options


def test_percentiles_are_interpolated():
    assert figures.percentiles(range(101)) == {"50 %": 50, "90 %": 90, "99 %": 99, "most": 100}
    assert figures.percentiles([2.0]) == {"50 %": 2, "90 %": 2, "99 %": 2, "most": 2}


def test_table_has_a_line_for_each_figure(tmp_path):
    path = tmp_path / figures.FILE
    assert figures.table(path) == []
    taken = figures.Figures(path)
    taken.took("boot", 1.0, 3.0)
    taken.took("delete", 5.0)
    head, boot, delete = figures.table(path)
    assert head.split() == ["seconds", "times", "50", "%", "90", "%", "99", "%", "most"]
    assert boot.split() == ["boot", "2", "2.0", "2.8", "3.0", "3.0"]
    assert delete.split() == ["delete", "1", "5.0", "5.0", "5.0", "5.0"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5m", 90), ("8h", 28800)])
def test_a_time_has_a_unit(text, seconds):
    assert options._seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "1d", "-1h", "h"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="90s"):
        options._seconds(text)
