"""Commands on the runner, polling with a deadline, and phases in the journal."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from deploy.errors import LabError
from deploy.journal import JOURNAL


def run(*argv: str | Path, stdin: str = "", timeout: float = 120.0) -> str:
    """Run a command and return its output; `timeout` in seconds.

    LabError with the end of stderr where the command is missing, fails, or does not end in time.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise LabError(
            f"the command {words[0]} is missing on the runner", hint="install it with `python -m deploy.lab up`"
        ) from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(words)}` did not end", expected=f"an end within {timeout:.0f} s") from None
    if done.returncode:
        raise LabError(
            f"`{' '.join(words)}` failed",
            expected="exit code 0",
            seen=f"exit code {done.returncode}: {tail(done.stderr or done.stdout, 12)}",
        )
    return done.stdout


def succeeds(*argv: str | Path, stdin: str = "", timeout: float = 120.0) -> bool:
    """True where a command ends with exit code 0."""
    try:
        run(*argv, stdin=stdin, timeout=timeout)
    except LabError:
        return False
    return True


def tail(text: str, lines: int) -> str:
    """Return the last lines of a text, indented for a message of StackproofError."""
    return "\n             ".join(text.strip().splitlines()[-lines:])


def until(ready: Callable[[], bool], *, timeout: float, every: float = 0.1) -> bool:
    """Call `ready` every `every` seconds until it returns True; return False after `timeout` seconds."""
    poll = Retrying(
        retry=retry_if_result(lambda result: not result),
        stop=stop_after_delay(timeout),
        wait=wait_fixed(every),
        retry_error_callback=lambda _: False,
    )
    return bool(poll(ready))


@contextmanager
def phase(text: str, host: str = "") -> Iterator[None]:
    """Journal the beginning and the end of a phase, with its seconds."""
    started = time.monotonic()
    JOURNAL.emit("phase", text, host=host)
    yield
    JOURNAL.emit("phase", f"{text}: done", host=host, seconds=time.monotonic() - started)
