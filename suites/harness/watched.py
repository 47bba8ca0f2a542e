"""Recordings as today's drills make them: of the stored ones, which are older, all lack what is added here."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from fixtures.probes.judging import recording
from fixtures.probes.judging.recording import Recording
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import ping_of

DRILLS = Path(__file__).parent / "recordings" / "drills"
MEMBERS = ("controller01", "controller02", "controller03")
BEGIN, END = 500.0, 530.0


def drill(case: str) -> Recording:
    """Return a stored recording, with looks at every controller all the time."""
    return watched(recording.load(DRILLS / f"{case}.json"))


def watched(kept: Recording, begin: float = BEGIN, end: float = END) -> Recording:
    """Return the recording with a look at every controller each 0.8 s, and a round on the wire each 0.25 s."""
    looks = {name: tuple((at, at + 0.05) for at in times(begin, end, 0.8)) for name in MEMBERS}
    claims = tuple((at, frozenset({"controller02"})) for at in times(begin, end, 0.25))
    holders = kept.holders or tuple((at, frozenset({"controller02"})) for at, _ in looks["controller02"])
    return replace(kept, looks=looks, claims=claims, holders=holders, listeners=("compute02",))


def pinged(kept: Recording, *silences: tuple[float, float], name: str = "") -> Recording:
    """Return the recording with pings of the victim, or of `name`, that are not answered at these times."""
    subject = ping_of(name or kept.victim)
    samples = tuple(_ping(at, silences) for at in times(BEGIN, END, 0.1))
    return replace(kept, timelines={**kept.timelines, subject: Timeline(subject, 0.1, samples, BEGIN, END)})


def _ping(at: float, silences: Iterable[tuple[float, float]]) -> Sample:
    silent = any(start <= at < end for start, end in silences)
    return Sample(at, 1.0 if silent else 0.001, not silent)


def times(begin: float, end: float, every: float) -> Iterable[float]:
    """Return the times from `begin` to `end`, one in `every` seconds."""
    return (round(begin + place * every, 3) for place in range(round((end - begin) / every)))
