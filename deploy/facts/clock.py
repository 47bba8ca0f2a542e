"""Clocks: how far a host's is from the runner's, and what a time server says."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.host import Reads

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970 (RFC 5905)."""

# 0x23: version 4, client (RFC 5905). bash resolves the name; the answer's first 48 bytes are numbers in lines of 16.
_NTP = """exec 2>/dev/null
timeout 4 bash -c 'exec 3<>/dev/udp/$1/123 && { printf "\\043"; printf "\\000%.0s" $(seq 47); } >&3 &&
  dd bs=48 count=1 <&3 | od -An -v -tu1' ntp "$1"
date +%s
"""


@dataclass(frozen=True)
class Offset:
    """The host's clock minus the runner's, in seconds; the truth is at most `within` away."""

    seconds: float
    within: float

    @property
    def at_least(self) -> float:
        """How far the clocks are apart for certain."""
        return max(0.0, abs(self.seconds) - self.within)

    def __str__(self) -> str:
        return f"{self.seconds:+.3f} s, give or take {self.within:.3f} s"


def offset(host: Reads, tries: int = 3, now: Callable[[], float] = time.time) -> Offset:
    """Ask a few times and take the quickest answer: half its way is how wrong it may be."""
    return min((_asked(host, now) for _ in range(tries)), key=lambda seen: seen.within)


def _asked(host: Reads, now: Callable[[], float]) -> Offset:
    sent = now()
    theirs = float(host.check("date +%s.%N"))
    received = now()
    return Offset(seconds=theirs - (sent + received) / 2, within=(received - sent) / 2)


@dataclass(frozen=True)
class TimeServer:
    """What a time server told a host; stratum 0: it did not answer, or has no time itself."""

    stratum: int = 0
    ahead: int = 0
    """Whole seconds its clock is ahead of the host's."""

    @property
    def serves(self) -> bool:
        """True where it has the time: strata 1 to 15 (RFC 5905)."""
        return 1 <= self.stratum <= 15

    def __str__(self) -> str:
        return f"stratum {self.stratum}, {self.ahead:+d} s" if self.stratum else "no answer"


def server(host: Reads, name: str) -> TimeServer:
    """Ask a time server from a host; at most 4 s."""
    return parse(host.run("exec sh -s -- %s", name, stdin=_NTP).out)


def parse(text: str) -> TimeServer:
    """The bytes of an NTP answer as decimal numbers, then the host's seconds since 1970."""
    *numbers, here = text.split() or ["0"]
    told = [int(number) for number in numbers if number.isdecimal()]
    if len(told) < 48 or told[0] & 7 != 4 or not here.isdecimal():  # mode 4: server
        return TimeServer()
    theirs = int.from_bytes(bytes(told[40:44]), "big") - NTP_EPOCH
    return TimeServer(stratum=told[1], ahead=theirs - int(here))
