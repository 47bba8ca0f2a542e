"""A full disk on the runner: healing still sends every undo, and says that its events are lost."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures import spelling

ROOT = Path(__file__).parents[3]
_MOUNTED = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1"'
_HEAL = """
import sys
from pathlib import Path
from types import SimpleNamespace
from fixtures.drills.faults.undo import PendingUndos, Undo
from fixtures.drills.run import sessions
from fixtures.reporting import _Recorder

disk = Path(sys.argv[1])
with sessions.alone("full", 0):
    PendingUndos.of("full").add("x", "a frozen unit", (Undo("thaw", "one", "mariadb"),))
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError:
        pass
recorder = _Recorder(disk / "events.jsonl")
host = SimpleNamespace(script=lambda text, **_: print("sent:", text))
with sessions.alone("full", 0):
    print("healed:", PendingUndos.of("full").heal(SimpleNamespace(hosts={"one": host})))
recorder.pytest_unconfigure()
"""


def can_mount() -> bool:
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="takes root, to mount a small disk")
def test_healing_sends_the_undo_while_the_disk_is_full(tmp_path):
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", _MOUNTED, "sh", str(tmp_path), sys.executable, _HEAL],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    sent, healed = ended.stdout.splitlines()
    assert sent.startswith("sent: systemctl kill -s CONT")
    assert healed == "healed: ['a frozen unit (x)']"
    assert "_Recorder._write failed to record or show events: 1" in ended.stderr
    assert "No space left on device" in ended.stderr


@pytest.mark.parametrize(("args", "capture"), [(["--heal"], "no"), (["--heal", "--inventory=lab"], "no"), ([], "fd")])
def test_healing_needs_no_temporary_file_for_captured_output(args, capture):
    config = SimpleNamespace(known_args_namespace=SimpleNamespace(capture="fd"))
    next(spelling.pytest_heal_without_capture(config, args))
    assert config.known_args_namespace.capture == capture
