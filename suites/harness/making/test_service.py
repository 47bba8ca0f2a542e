"""A unit that does not start: the error has its last journal lines, a hint, and the process on its port."""

from functools import partial

import pytest

from deploy.errors import CommandFailed, Interrupted, StepFailed
from deploy.facts import sockets, systemd
from deploy.facts.sockets import Listener
from deploy.facts.systemd import Unit
from deploy.finding import Finding
from deploy.host import Hosts, Result
from deploy.journal import JOURNAL
from deploy.making import amiss, settle
from deploy.snapshot import Snapshot
from deploy.wait import until

VIP = "172.16.181.30"


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture
def host(site, monkeypatch):
    """A host where Nova's metadata service alone has failed."""
    first = site.hosts["controller01"]
    monkeypatch.setattr(JOURNAL, "redact", site.secrets.redact)
    units = {"nova-api-metadata": Unit("nova-api-metadata", "loaded", "failed", "failed", "disabled")}
    well = Unit("", "loaded", "active", "running", "disabled")
    monkeypatch.setattr(systemd, "units", lambda _, names: {name: units.get(name, well) for name in names})
    monkeypatch.setattr(sockets, "listening", lambda _: [Listener("tcp", VIP, 8775, units=frozenset({"haproxy"}))])
    asked = []

    def run(command, *arguments, **_):
        asked.append(arguments)
        return Result(first.name, command, 0, "nova-api-metadata:\nno such table, says bmc-of-controller01\n", "")

    monkeypatch.setattr(first, "run", run)
    first.asked = asked
    return first


def units(now):
    """Findings of Nova's units on the first controller."""
    return amiss.units(now, "nova", Hosts([now.site.hosts["controller01"]]))


def test_error_has_the_journal_of_the_failed_unit_without_secrets(site, host):
    with pytest.raises(StepFailed) as failed:
        settle.until_well(site, "nova", units, timeout=0)
    assert host.asked == [("nova-api-metadata",)]
    assert "nova-api-metadata:\nno such table" in str(failed.value)
    assert "bmc-of-" not in str(failed.value)
    assert failed.value.hint == "journalctl -u nova-api-metadata on controller01"


def test_haproxy_at_the_vip_blocks_no_port(site, host, monkeypatch):
    assert not any("is held" in str(found) for found in units(Snapshot(site, "nova")))
    stranger = Listener("tcp", str(host.node.management), 8775, program="nc")
    monkeypatch.setattr(sockets, "listening", lambda _: [stranger])
    assert any("is held: 172.16.181.31:8775/tcp of nc" in str(found) for found in units(Snapshot(site, "nova")))


# -- settling --------------------------------------------------------------------------------------


@pytest.fixture
def settled(site, monkeypatch):
    """Wait on a list of findings per reading, with a clock that only waiting moves."""

    def wait(*lists: list[Finding], timeout: float = 60) -> None:
        left = iter(lists)
        clock = type("Clock", (), {"now": 0.0, "monotonic": lambda c: c.now})()
        clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
        monkeypatch.setattr(settle, "until", partial(until, clock=clock))
        settle.until_well(site, "nova", lambda _: iter(next(left, lists[-1])), timeout=timeout)

    return wait


def test_temporary_finding_is_waited_for(settled):
    settled([Finding("it is starting")], [Finding("it is starting")], [])


def test_lasting_finding_is_reported_with_the_seconds_waited(settled):
    with pytest.raises(StepFailed) as failed:
        settled([Finding("it is away", hint="look"), Finding("its API is away", hint="look there")])
    assert failed.value.what == "it is away (and 1 more), still so after 60 s"
    assert failed.value.seen == "it is away; its API is away"
    assert failed.value.hint == "look; look there"


def test_final_finding_is_reported_at_once_and_first(settled):
    with pytest.raises(StepFailed) as failed:
        settled([Finding("it is away"), Finding("it is inconsistent", final=True)], [])
    assert failed.value.what == "it is inconsistent (and 1 more)"


def test_failed_reading_is_waited_for(site):
    def unread(_):
        raise CommandFailed("it does not say", seen="exit code 1")

    with pytest.raises(StepFailed, match="it does not say: exit code 1"):
        settle.until_well(site, "nova", unread, timeout=0)


def test_interruption_ends_the_wait(site):
    def interrupted(_):
        raise Interrupted("interrupted")

    with pytest.raises(Interrupted):
        settle.until_well(site, "nova", interrupted, timeout=60)
