"""The prober: attempts end at their deadlines, errors of the runner are raised, and it ends with its parent."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from deploy.errors import StepFailed
from deploy.wait import until
from fixtures.probes import prober
from fixtures.probes.attempt import reason
from fixtures.probes.errors import ProbeError
from fixtures.probes.loop import READ, Failed, Loop, in_thread, ready
from fixtures.probes.probe import Probe, load, save
from fixtures.probes.subject import Subject
from fixtures.probes.watch import SAMPLES, Watch
from suites.harness.probe_servers import Server

ROOT = Path(__file__).parents[3]
AUTOGROUP = Path("/proc/self/autogroup")


class Clock:
    """A clock that only a test advances."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def ended_with(ends: list) -> list[str]:
    return [str(failure) for failure in ends]


def test_an_attempt_that_hangs_is_ended_at_its_deadline(clock, pair):
    loop, ends = Loop(clock), []
    loop.start(ready(pair[0], READ), clock.now + 2, ends.append)
    clock.now += 1.9
    loop.turn(clock.now)
    assert ends == []
    clock.now += 0.1
    loop.turn(clock.now)
    assert ended_with(ends) == ["no answer in time"]
    assert loop.running == 0


def test_an_attempt_that_catches_its_time_out_is_ended(clock, pair):
    async def stubborn() -> None:
        while True:
            try:
                await ready(pair[0], READ)
            except Failed:
                continue

    loop, ends = Loop(clock), []
    loop.start(stubborn(), clock.now + 2, ends.append)
    clock.now += 3
    loop.turn(clock.now)
    assert ended_with(ends) == ["no answer in time"]


def test_an_answer_that_arrived_during_a_stall_is_in_time(clock, pair):
    loop, ends = Loop(clock), []
    loop.start(ready(pair[0], READ), clock.now + 2, ends.append)
    pair[1].send(b"x")
    clock.now += 60
    loop.turn(clock.now)
    assert ends == [None]


def test_attempts_end_in_the_order_of_their_deadlines(clock):
    loop, ends = Loop(clock), []
    pairs = [socket.socketpair() for _ in range(3)]
    for seconds, (ours, _) in zip((3, 1, 2), pairs, strict=True):
        loop.start(ready(ours, READ), clock.now + seconds, lambda _, seconds=seconds: ends.append(seconds))
    clock.now += 2.5
    loop.turn(clock.now)
    assert ends == [1, 2]
    clock.now += 1
    loop.turn(clock.now)
    assert ends == [1, 2, 3]
    for sock in sum(pairs, ()):
        sock.close()


def test_work_in_a_thread_is_awaited():
    async def work() -> None:
        assert await in_thread(lambda: 42) == 42

    loop, ends = Loop(), []
    loop.start(work(), time.monotonic() + 20, ends.append)
    while loop.running:
        loop.turn(time.monotonic() + 1)
    assert ends == [None]


def test_work_that_hangs_in_a_thread_is_abandoned(clock):
    gate = socket.socketpair()

    async def work() -> None:
        await in_thread(lambda: gate[0].recv(1))

    loop, ends = Loop(clock), []
    loop.start(work(), clock.now + 2, ends.append)
    clock.now += 2
    loop.turn(clock.now)
    assert ended_with(ends) == ["no answer in time"]
    gate[1].close()
    gate[0].close()


def test_network_failures_have_the_system_s_error_text():
    assert reason(OSError(errno.ECONNREFUSED, "x")) == "connection refused"
    assert reason(OSError(errno.EHOSTUNREACH, "x")) == "no route to host"
    assert reason(Failed("status 503")) == "status 503"


@pytest.mark.parametrize("ours", [OSError(errno.EMFILE, "x"), PermissionError(errno.EPERM, "x"), KeyError("typo")])
def test_errors_of_the_runner_are_raised(ours):
    with pytest.raises(type(ours)):
        reason(ours)


@pytest.fixture
def loopback():
    loopback = Server()
    yield loopback
    loopback.close()


@pytest.fixture
def probe(loopback) -> Probe:
    return Probe("keystone", "http", 0.05, 1.0, {"host": "127.0.0.1", "port": loopback.port})


def test_a_jump_of_the_wall_clock_has_no_effect(probe, monkeypatch):
    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(time, "time", lambda: -next(hours))
    written = []

    def sink(line: bytes) -> None:
        written.append(json.loads(line))
        if len(written) == 8:
            running.stop()

    running = prober.Prober([probe], sink)
    running.run()
    starts = [at for _, at, *_ in written]
    assert starts == sorted(starts)
    assert 0.2 < starts[-1] - starts[0] < 5


def test_a_suspended_machine_ends_the_prober(probe, monkeypatch):
    seconds = iter([0.0, 0.0, 5.0])
    monkeypatch.setattr(prober, "_sleep_of_machine", lambda: next(seconds))
    with pytest.raises(OSError, match="slept"):
        prober.Prober([probe], lambda _: None).run()


def test_a_stopped_prober_is_detected(probe, tmp_path):
    with Watch([probe], tmp_path) as watch:
        watch.until_settled(timeout=10)
        os.kill(watch.pid, signal.SIGSTOP)
        time.sleep(0.6)
        os.kill(watch.pid, signal.SIGCONT)
        watch.until_settled(timeout=10)
        (timeline,) = watch.stop().values()
    assert timeline.stalled > 0.5
    assert timeline.missed >= 9
    assert timeline.outage > 0.5


def test_a_killed_prober_is_reported_and_its_samples_are_kept(probe, tmp_path):
    watch = Watch([probe], tmp_path)
    watch.start()
    watch.until_settled(timeout=10)
    os.kill(watch.pid, signal.SIGKILL)
    until(lambda: watch.ended, timeout=10, interval=0.01)
    began = time.monotonic()
    with pytest.raises(StepFailed, match="cannot succeed"):
        watch.until_settled(timeout=60)
    assert time.monotonic() - began < 10
    with pytest.raises(ProbeError, match="did not end well"):
        watch.stop()
    assert len(watch.timelines()[probe.subject].samples) >= 3


def test_a_prober_ends_with_its_parent(probe, tmp_path):
    """The parent is killed and cannot signal the prober; the prober's stdin ends."""
    plan = json.dumps(asdict(probe))
    parent = f"""
import json, os, signal, sys
from pathlib import Path
from fixtures.probes.probe import Probe
from fixtures.probes.watch import Watch
watch = Watch([Probe(**json.loads({plan!r}))], Path({str(tmp_path)!r}))
watch.start()
print(watch.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran = subprocess.run(
        [sys.executable, "-c", parent], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    pid = int(ran.stdout)
    until(lambda: not Path(f"/proc/{pid}/exe").exists(), timeout=10, interval=0.05)
    assert b'"end"' in (tmp_path / SAMPLES).read_bytes().splitlines()[-1]


def test_a_plan_readable_by_others_is_refused(probe, tmp_path):
    path = tmp_path / "plan.json"
    save([probe], path)
    assert load(path) == (probe,)
    path.chmod(0o640)
    with pytest.raises(ProbeError, match="others may read it"):
        load(path)


def test_a_prober_that_cannot_begin_reports_the_reason(tmp_path):
    with pytest.raises(ProbeError) as caught:
        Watch([Probe("x", "http", options={"nonsense": 1})], tmp_path).start()
    assert "unexpected keyword argument" in caught.value.seen


@pytest.mark.skipif(
    not AUTOGROUP.exists() or os.geteuid() != 0,
    reason="only root may be preferred, by a kernel with autogroups (sched(7))",
)
def test_only_the_prober_s_session_has_a_higher_priority(probe, tmp_path):
    before = AUTOGROUP.read_text()
    with Watch([probe], tmp_path) as watch:
        assert Path(f"/proc/{watch.pid}/autogroup").read_text().split()[-1] == "-5"
    assert AUTOGROUP.read_text() == before


def test_a_folder_of_another_watch_is_refused(probe, tmp_path):
    with Watch([probe], tmp_path):
        pass
    with pytest.raises(ProbeError, match="another watch"):
        Watch([probe], tmp_path).start()


def test_a_running_prober_leaves_no_password_in_files_or_arguments(loopback, tmp_path):
    options = {"host": "127.0.0.1", "port": loopback.port, "user": "u", "password": "hunter2", "project": "p"}
    with Watch([Probe("token", "token", 0.05, 1.0, options)], tmp_path) as watch:
        until(lambda: watch.timelines()[Subject("token")].details, timeout=10, interval=0.05)
        assert "hunter2" not in Path(f"/proc/{watch.pid}/cmdline").read_text()
        assert watch.stop()[Subject("token")].details == {
            "status 200": len(watch.timelines()[Subject("token")].samples)
        }
    assert not [path for path in tmp_path.iterdir() if b"hunter2" in path.read_bytes()]
    assert "hunter2" not in repr(watch.__dict__)
