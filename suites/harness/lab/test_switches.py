"""The lab's power switches: On counts at once and boots after the self-test; Off during the self-test stays off."""

import pytest

from deploy.errors import LabError
from deploy.inventory import load
from deploy.lab import power, room, switches
from deploy.lab.shell import until

NODE = "controller01"


class Hosts:
    def __init__(self):
        self.on = set()
        self.calls = []
        self.failing = False

    def power_on(self, _cluster, node):
        if self.failing:
            raise LabError("no start")
        self.calls.append("on")
        self.on.add(node.name)

    def power_off(self, _cluster, node):
        self.calls.append("off")
        self.on.discard(node.name)


@pytest.fixture
def hosts(monkeypatch):
    hosts = Hosts()
    monkeypatch.setattr(power, "power_on", hosts.power_on)
    monkeypatch.setattr(power, "power_off", hosts.power_off)
    monkeypatch.setattr(power, "is_on", lambda node: node.name in hosts.on)
    monkeypatch.setattr(room, "current", lambda: load("lab"))
    return hosts


def test_power_is_reported_on_before_the_boot(hosts):
    controller = switches.LabSwitches(self_test=0.2)
    controller.reset(NODE, "On")
    assert controller.is_on(NODE)
    assert not hosts.on
    assert until(lambda: NODE in hosts.on, timeout=5, every=0.01)
    assert controller.is_on(NODE)


def test_power_off_during_the_self_test_stays_off(hosts):
    controller = switches.LabSwitches(self_test=0.1)
    controller.reset(NODE, "On")
    controller.reset(NODE, "ForceOff")
    assert not controller.is_on(NODE)
    assert not until(lambda: NODE in hosts.on, timeout=0.3, every=0.05)


def test_restart_is_off_and_then_on(hosts):
    hosts.on.add(NODE)
    controller = switches.LabSwitches(self_test=0.01)
    controller.reset(NODE, "ForceRestart")
    assert until(lambda: hosts.calls == ["off", "on"], timeout=5, every=0.01)


def test_power_on_of_a_running_host_changes_nothing(hosts):
    hosts.on.add(NODE)
    switches.LabSwitches(self_test=0.0).reset(NODE, "On")
    assert not until(lambda: bool(hosts.calls), timeout=0.1, every=0.02)


def test_failed_boot_is_off_and_can_be_repeated(hosts, capfd):
    hosts.failing = True
    controller = switches.LabSwitches(self_test=0.0)
    controller.reset(NODE, "On")
    assert until(lambda: not controller.is_on(NODE), timeout=5, every=0.01)
    assert "no start" in capfd.readouterr().out
    hosts.failing = False
    controller.reset(NODE, "On")
    assert until(lambda: NODE in hosts.on, timeout=5, every=0.01)


@pytest.mark.usefixtures("hosts")
def test_all_hosts_of_the_inventory_have_power():
    assert switches.LabSwitches().systems() == tuple(node.name for node in load("lab").nodes)
