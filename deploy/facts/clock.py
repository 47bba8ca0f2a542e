"""Clocks: the offset between a host's clock and the runner's, and the reading of a time server."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.host import Reads

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, the start of NTP time, to 1970 (RFC 5905)."""

# 0x23: version 4, client (RFC 5905). bash resolves the name; `od` prints the reply's first 48 bytes in lines of 16.
_NTP = """exec 2>/dev/null
timeout 4 bash -c 'exec 3<>/dev/udp/$1/123 && { printf "\\043"; printf "\\000%.0s" $(seq 47); } >&3 &&
  dd bs=48 count=1 <&3 | od -An -v -tu1' ntp "$1"
date +%s
"""


@dataclass(frozen=True)
class Offset:
    """The host's clock minus the runner's, in seconds; the error is at most `within` seconds."""

    seconds: float
    within: float

    @property
    def at_least(self) -> float:
        """The smallest difference in seconds that this measurement proves."""
        return max(0.0, abs(self.seconds) - self.within)

    def __str__(self) -> str:
        return f"{self.seconds:+.3f} s, give or take {self.within:.3f} s"


def offset(host: Reads, tries: int = 3, now: Callable[[], float] = time.time) -> Offset:
    """Measure `tries` times and return the measurement with the shortest round trip; half of that trip is the error."""
    return min((_measured(host, now) for _ in range(tries)), key=lambda measured: measured.within)


def _measured(host: Reads, now: Callable[[], float]) -> Offset:
    sent = now()
    theirs = float(host.check("date +%s.%N"))
    received = now()
    return Offset(seconds=theirs - (sent + received) / 2, within=(received - sent) / 2)


@dataclass(frozen=True)
class TimeServer:
    """A time server's reply to a host; stratum 0: no reply, or the server is not synchronised."""

    stratum: int = 0
    ahead: int = 0
    """Whole seconds the server's clock is ahead of the host's."""

    @property
    def serves(self) -> bool:
        """True where the server is synchronised: strata 1 to 15 (RFC 5905)."""
        return 1 <= self.stratum <= 15

    def __str__(self) -> str:
        return f"stratum {self.stratum}, {self.ahead:+d} s" if self.stratum else "no answer"


def server(host: Reads, name: str) -> TimeServer:
    """Query a time server from a host, for at most 4 s."""
    return parse(host.run("exec sh -s -- %s", name, stdin=_NTP).out)


def parse(text: str) -> TimeServer:
    """Parse the bytes of an NTP reply as decimal numbers, then the host's seconds since 1970."""
    *numbers, here = text.split() or ["0"]
    reply = [int(number) for number in numbers if number.isdecimal()]
    if len(reply) < 48 or reply[0] & 7 != 4 or not here.isdecimal():  # mode 4: server
        return TimeServer()
    theirs = int.from_bytes(bytes(reply[40:44]), "big") - NTP_EPOCH
    return TimeServer(stratum=reply[1], ahead=theirs - int(here))
