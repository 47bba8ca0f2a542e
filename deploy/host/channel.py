"""One command on one SSH channel: send stdin and read both outputs at once, until the command ends or its deadline.

Not Invoke: it sends stdin one byte at a time, and has no deadline that holds when the peer vanishes.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


def converse(channel: paramiko.Channel, stdin: bytes, deadline: float) -> tuple[bytes, bytes]:
    """Send stdin and return (stdout, stderr); TimeoutError at `deadline`, a time of `time.monotonic()`.

    The command must end its stdin by itself after the last byte.
    """
    out, err, sent = bytearray(), bytearray(), 0
    channel.setblocking(False)
    while True:
        sent, progress = _send(channel, stdin, sent)
        progress |= _drain(channel, out, err)
        if channel.closed or (channel.eof_received and channel.exit_status_ready()):
            _drain(channel, out, err)
            return bytes(out), bytes(err)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not progress:
            # select() reports output and end of file. It reports neither room to send nor the exit status: poll those.
            waiting = 0.02 if sent < len(stdin) or channel.eof_received else 0.5
            select.select([channel], [], [], min(waiting, left))


def follow(channel: paramiko.Channel, take: Callable[[str], object], over: Callable[[], bool]) -> bytes:
    """Pass each line of stdout to `take` as it arrives, until the command ends or `over`; return stderr.

    stdin stays open, so the command reads its end of file when the channel closes, whatever closes it.
    """
    out, err = bytearray(), bytearray()
    channel.setblocking(False)
    while not over():
        ended = channel.closed or channel.eof_received
        if _drain(channel, out, err):
            *lines, out = out.split(b"\n")
            for line in lines:
                take(line.decode(errors="replace"))
        elif ended:
            break
        else:
            select.select([channel], [], [], 0.25)
    return bytes(err)


def _send(channel: paramiko.Channel, stdin: bytes, sent: int) -> tuple[int, bool]:
    if sent >= len(stdin) or not channel.send_ready():
        return sent, False
    try:
        sent += channel.send(stdin[sent : sent + 32768])
    except OSError:
        if not channel.closed:
            raise
        return len(stdin), False  # the command ended without reading all of its input; its exit status decides
    return sent, True


def _drain(channel: paramiko.Channel, out: bytearray, err: bytearray) -> bool:
    before = len(out) + len(err)
    while channel.recv_ready():
        out += channel.recv(65536)
    while channel.recv_stderr_ready():
        err += channel.recv_stderr(65536)
    return len(out) + len(err) > before
