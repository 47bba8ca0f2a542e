"""The live view: what runs, what may be left, and a terminal that is left as it was."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deploy.journal import Event
from fixtures.report.live import Progress, View, earlier

ROOT = Path(__file__).parents[3]
SLOW = {"base": (0.0, 10.0), "galera": (10.0, 40.0), "nova": (40.0, 100.0)}
QUICK = {"base": (0.0, 2.0), "galera": (2.0, 5.0), "nova": (5.0, 9.0)}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def begin(step, title="names"):
    return Event("step", f"{title} ...", step=step)


def end(step):
    return Event("step", "done, 3 changes", step=step)


def text(progress, total=3):
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(progress.drawn(total))
    return capture.get()


def test_steps_run_side_by_side_with_the_last_change():
    clock = Clock()
    progress = Progress([SLOW], clock)
    for event in (
        begin("galera", "MariaDB"),
        begin("nova"),
        Event("change", "made it", host="controller01", step="nova"),
    ):
        progress.event(event)
    clock.now = 12.0
    galera, nova, last = text(progress).splitlines()
    assert galera.split() == ["galera", "12", "of", "30", "s", "MariaDB"]
    assert nova.split() == ["nova", "12", "of", "60", "s", "controller01:", "made", "it"]
    assert last.strip() == "0 of 3 steps done, 0:12 elapsed, about 1:28 left"


@pytest.mark.parametrize(("took", "left"), [(10.0, 90.0), (2.0, 7.0)])
def test_what_is_left_is_that_of_the_build_that_is_alike(took, left):
    clock = Clock()
    progress = Progress([SLOW, QUICK], clock)
    progress.event(begin("base"))
    clock.now = took
    progress.event(end("base"))
    assert progress.left == left


def test_nothing_is_foretold_without_an_earlier_build():
    progress = Progress([], Clock())
    progress.event(begin("base"))
    assert progress.left is None
    assert "left" not in text(progress)


def test_builds_of_another_cluster_foretell_nothing():
    entries = [{"cluster": "lab", "steps": {"base": [0, 5]}}, {"cluster": "other", "steps": {"base": [0, 9]}}, {}]
    assert earlier(entries, "lab") == [{"base": (0.0, 5.0)}]


def test_the_view_ends_with_the_last_step_and_lines_stay():
    file = io.StringIO()
    view = View(file, Progress([], Clock()), 1)
    view.event(begin("base"))
    assert view.is_on
    view.line("[bold] a line [/]")
    view.event(end("base"))
    assert not view.is_on
    assert "[bold] a line [/]" in file.getvalue()
    assert (
        file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h") == 1
    )  # the cursor is hidden, and back
    view.close()


SAMPLE = """
import os, signal
from deploy.journal import JOURNAL, within

def test_that_builds():
    with within("base"):
        JOURNAL.emit("step", "names ...")
        JOURNAL.emit("change", "did it", host="controller01")
        {end}
        JOURNAL.emit("step", "done, 1 change", seconds=0.6)
"""


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGINT)"], ids=["whole", "interrupted"])
def test_a_terminal_shows_the_steps_and_has_its_cursor_back(tmp_path, end):
    for name in ("pyproject.toml", "conftest.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    suite = tmp_path / "suites/harness"
    suite.mkdir(parents=True)
    (suite / "test_sample.py").write_text(SAMPLE.format(end=end))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--deploy=apply", "suites/harness"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            if not (piece := os.read(ours, 65536)):
                break
        except OSError:  # the other end is closed
            break
        seen += piece
    process.wait(timeout=60)
    os.close(ours)
    shown = seen.decode(errors="replace")
    assert "did it" in shown
    assert "steps done" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") >= 1
