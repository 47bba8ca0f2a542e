"""Idle units: the build disables what packages enabled, and never a unit of a service of the host."""

import pytest

from deploy.facts import systemd
from deploy.facts.systemd import Unit
from deploy.making import idle


@pytest.fixture
def disabled(site_of, monkeypatch):
    """A function that returns the scripts of a build on a host where every unit of the mapping has that state."""

    def run(name, **states):
        site = site_of("lab")
        scripts = []
        absent = Unit("", "not-found", "inactive", "dead", "")
        monkeypatch.setattr(systemd, "units", lambda _, names: {each: states.get(each, absent) for each in names})
        monkeypatch.setattr(site.hosts[name], "change", lambda _, script: scripts.append(script))
        idle.disable(site, site.hosts[name])
        return scripts

    return run


ENABLED = Unit("", "loaded", "inactive", "dead", "enabled")
RUNNING = Unit("", "loaded", "active", "running", "disabled")
OFF = Unit("", "loaded", "inactive", "dead", "disabled")


def test_enabled_and_running_units_are_disabled(disabled):
    assert disabled("controller01", pcsd=ENABLED, keepalived=RUNNING, radvd=OFF) == [
        "systemctl disable -q --now pcsd",
        "systemctl disable -q --now keepalived",
    ]


def test_a_unit_of_the_hosts_own_services_is_left(disabled):
    assert disabled("controller01", haproxy=RUNNING) == []
    assert disabled("compute01", haproxy=ENABLED) == ["systemctl disable -q --now haproxy"]


def test_absent_units_are_left(disabled):
    assert disabled("compute01") == []
