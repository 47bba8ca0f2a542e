"""A unit that does not come: the error says what it said last, where to look, and who is really in its way."""

import pytest

from deploy.errors import StepFailed
from deploy.facts import health, sockets, systemd
from deploy.facts.sockets import Listener
from deploy.facts.systemd import Unit
from deploy.host import Result
from deploy.journal import JOURNAL
from deploy.making import roll

VIP = "172.16.181.30"


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture
def host(site, monkeypatch):
    """One where Nova's metadata service has failed, and nothing else."""
    first = site.hosts["controller01"]
    monkeypatch.setattr(JOURNAL, "redact", site.secrets.redact)
    units = {"nova-api-metadata": Unit("nova-api-metadata", "loaded", "failed", "failed", "disabled")}
    well = Unit("", "loaded", "active", "running", "disabled")
    monkeypatch.setattr(systemd, "units", lambda _, names: {name: units.get(name, well) for name in names})
    monkeypatch.setattr(sockets, "listening", lambda _: [Listener("tcp", VIP, 8775, units=frozenset({"haproxy"}))])
    monkeypatch.setattr(roll, "START", 0)
    asked = []

    def run(command, *arguments, **_):
        asked.append(arguments)
        return Result(first.name, command, 0, "nova-api-metadata:\nno such table, says bmc-of-controller01\n", "")

    monkeypatch.setattr(first, "run", run)
    first.asked = asked
    return first


def test_the_error_has_the_last_words_of_what_is_down_and_no_secret(site, host):
    with pytest.raises(StepFailed) as failed:
        roll.verify(site, host, "nova")
    assert host.asked == [("nova-api-metadata",)]
    assert "nova-api-metadata:\nno such table" in str(failed.value)
    assert "bmc-of-" not in str(failed.value)
    assert failed.value.hint == "journalctl -u nova-api-metadata on controller01"


def test_haproxy_at_the_vip_is_in_nobody_s_way(site, host, monkeypatch):
    services = [each for each in site.services("nova", host.node) if each.unit]
    assert not any("is held" in trouble for trouble in health.troubles(host, services, site.addresses))
    stranger = Listener("tcp", str(host.node.management), 8775, program="nc")
    monkeypatch.setattr(sockets, "listening", lambda _: [stranger])
    assert any(
        "is held: 172.16.181.31:8775/tcp of nc" in told for told in health.troubles(host, services, site.addresses)
    )
