"""Run a command that switches power on the runner, with a deadline, and its password only in its environment."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from deploy.errors import PowerError

LIMIT = 60.0
"""Seconds a tool may take; ipmitool gives up on a silent BMC after 10 s."""
_MASK = "********"


@dataclass(frozen=True)
class Answer:
    """A tool's exit code and output, with secrets masked."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> str:
        """The exit code and the end of the output, for messages."""
        output = " / ".join(filter(None, (self.err or self.out).strip().splitlines()))
        return f"exit code {self.code}: {output[-500:] or 'no output'}"


def run(
    words: Sequence[str], *, what: str, hint: str, secret: Mapping[str, str] | None = None, limit: float = LIMIT
) -> Answer:
    """Run a tool and return its answer, whatever its exit code. `secret` is its environment, masked in its output.

    Raises PowerError where it cannot be started (`hint` says how to install it), or runs longer than `limit` seconds.
    """
    hidden = {name: value for name, value in (secret or {}).items() if value}
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", **hidden},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # the tool cannot prompt on a terminal, and its whole process group can be killed
        )
    except OSError as error:
        missing = shutil.which(words[0]) is None
        seen = f"no {words[0]} on the runner" if missing else str(error)
        raise PowerError(f"{what}: {words[0]} cannot be run", seen=seen, hint=hint) from None
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise PowerError(
            f"{what}: {words[0]} did not end within {limit:g} s", hint="run it by hand on the runner"
        ) from None
    finally:
        _end(process)
    return Answer(process.returncode, _masked(out, hidden), _masked(err, hidden))


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a tool past its deadline with its process group; close our ends of its pipes."""
    with suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _masked(text: str, hidden: Mapping[str, str]) -> str:
    for value in hidden.values():
        text = text.replace(value, _MASK)
    return text
