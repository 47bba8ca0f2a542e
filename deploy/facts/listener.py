"""Listeners of a moment: whether a host's ports can be reached before any service runs there."""

from collections.abc import Iterable
from contextlib import suppress

from deploy.errors import HostUnreachable
from deploy.facts.ended import END, whole
from deploy.host import Reads

NAME = "sp-knock"
"""The name of a listener's process."""
SECONDS = 15.0
"""Seconds after which a listener has ended by itself."""


def listening(host: Reads, address: object, ports: Iterable[int]) -> dict[int, bool]:
    """Listen at TCP ports of one address for SECONDS; return True by port, or False where something listens already.

    CommandFailed where the host cannot answer. Nothing stays on the host: one process ends by itself.
    """
    wanted = sorted(set(ports))
    text = host.check(
        f"exec python3 -IS - %s %s{' %s' * len(wanted)}", SECONDS, address, *wanted, stdin=_LISTEN, timeout=30
    )
    return parse(whole(host, "listeners", text))


def end(host: Reads) -> None:
    """End the listeners of that host now; a host that does not answer ends them by itself."""
    with suppress(HostUnreachable):
        host.run(f"pkill -x {NAME}")


def parse(text: str) -> dict[int, bool]:
    """Parse lines of a port, and `free` or `used`."""
    words = (line.split() for line in text.splitlines())
    return {int(each[0]): each[1] == "free" for each in words if len(each) == 2 and each[0].isdecimal()}


# The process that goes on has a session of its own, and none of the connection's files.
_LISTEN = f"""
import ctypes, os, socket, sys, time
kept = []
for port in map(int, sys.argv[3:]):
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((sys.argv[2], port))
        own.listen(64)
        kept.append(own)
        print(port, "free")
    except OSError:
        print(port, "used")
print("{END}", flush=True)
if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(15, b"{NAME}", 0, 0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    time.sleep(float(sys.argv[1]))
os._exit(0)
"""
