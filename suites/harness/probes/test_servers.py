"""Probes against servers that fail in different ways: measured outages are compared with the actual ones."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.probe import Probe
from fixtures.probes.watch import Watch
from suites.harness.probe_servers import Server

INTERVAL, DEADLINE, AWAY = 0.1, 1.5, 1.2
FAILURES = ("refuses", "is silent", "says half", "resets")
KINDS = ("http", "http_kept")
CASES = [f"{kind} {fails}" for kind in KINDS for fails in FAILURES]
SAID = {
    "refuses": {"connection refused"},
    "is silent": {"no answer in time"},
    "says half": {"closed before the whole answer"},
    "resets": {"connection reset by peer", "closed without an answer"},
}


@dataclass(frozen=True)
class Measured:
    """The timelines of the probes, and the outages of the servers."""

    timelines: dict[str, Timeline]
    servers: dict[str, Server]


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Iterator[Measured]:
    """Run one watch over all servers, which fail together, so that all tests share a few seconds."""
    servers = {case: Server(case.partition(" ")[2]) for case in CASES}
    servers |= {"http well": Server(), "http_kept well": Server(), "http_kept polite": Server(polite=True)}
    probes = [
        Probe(name, name.partition(" ")[0], INTERVAL, DEADLINE, {"host": "127.0.0.1", "port": server.port})
        for name, server in servers.items()
    ]
    with Watch(probes, tmp_path_factory.mktemp("watch")) as watch:
        watch.until_settled(timeout=20)
        for case in CASES:
            servers[case].fail()
        time.sleep(AWAY)
        for case in CASES:
            servers[case].recover()
        watch.until_settled(timeout=20)
        yield Measured({subject.promise: line for subject, line in watch.stop().items()}, servers)
    for server in servers.values():
        server.close()


def truth(moments: list[float]) -> float:
    first, last = moments
    return last - first


@pytest.mark.parametrize("case", CASES)
def test_an_outage_is_never_measured_too_short(measured, case):
    assert measured.timelines[case].outage >= truth(measured.servers[case].certain)


@pytest.mark.parametrize("case", CASES)
def test_an_outage_is_too_long_by_at_most_its_resolution(measured, case):
    timeline = measured.timelines[case]
    assert timeline.outage - timeline.resolution <= truth(measured.servers[case].possible)


@pytest.mark.parametrize("case", CASES)
def test_the_resolution_follows_from_interval_and_answer_time(measured, case):
    timeline = measured.timelines[case]
    assert INTERVAL < timeline.resolution <= 2 * (INTERVAL + timeline.slowest + timeline.stalled)


@pytest.mark.parametrize("case", CASES)
def test_the_reason_of_the_failure_is_recorded(measured, case):
    said = set(measured.timelines[case].details)
    assert said & SAID[measured.servers[case].fails]


@pytest.mark.parametrize("case", CASES)
def test_the_server_s_return_is_recorded(measured, case):
    assert not measured.timelines[case].open


@pytest.mark.parametrize("kind", KINDS)
def test_a_hanging_attempt_delays_no_other_probe(measured, kind):
    timeline = measured.timelines[f"{kind} well"]
    assert all(sample.ok for sample in timeline.samples)


def test_a_hanging_attempt_does_not_delay_the_next_one(measured):
    timeline = measured.timelines["http is silent"]
    starts = [sample.at for sample in timeline.samples if not sample.ok]
    assert len(starts) >= AWAY / INTERVAL / 3  # attempts in sequence would be two at most
    assert timeline.stalled < DEADLINE / 2


def test_a_hanging_attempt_ends_at_its_deadline(measured):
    hung = [sample.took for sample in measured.timelines["http is silent"].samples if not sample.ok]
    assert all(DEADLINE <= took < DEADLINE + 1 for took in hung)


def test_a_kept_connection_is_opened_once(measured):
    assert measured.timelines["http_kept well"].details == {"new connection: first": 1}


def test_a_regularly_closed_connection_is_noted_and_is_no_outage(measured):
    timeline = measured.timelines["http_kept polite"]
    assert all(sample.ok for sample in timeline.samples)
    assert timeline.details["new connection: the server closed it after an answer"] == len(timeline.samples) - 1


@pytest.mark.parametrize("fails", FAILURES)
def test_a_kept_connection_is_replaced_after_a_failure(measured, fails):
    why = {"new connection: the last one failed", "new connection: the last one is busy"}
    assert why & set(measured.timelines[f"http_kept {fails}"].details)
