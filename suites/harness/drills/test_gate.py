"""The gate: its own findings besides those of the steps, and its pauses while probes measure."""

from types import SimpleNamespace

import pytest

from deploy import whole
from deploy.finding import Finding
from fixtures.drills.errors import Refused
from fixtures.drills.faults.undo import PendingUndos
from fixtures.drills.run import gate
from suites.harness.well import Well


@pytest.fixture
def site(site_of):
    return site_of("lab-small")


# -- before a drill --------------------------------------------------------------------------------


@pytest.fixture
def well(site, monkeypatch, recording):
    return Well(site, monkeypatch, recording)


@pytest.fixture
def pending(tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "abandoned", lambda _: [])
    return PendingUndos(tmp_path)


def test_a_healthy_cluster_passes_the_gate(site, well, pending):
    gate.check(site, pending)
    assert well.commands["traces"] == 5
    assert well.commands["pacemaker"] == 3


def test_a_broken_cluster_is_refused_with_every_finding(site, well, pending):
    well.units["controller02", "memcached"] = {"active": "inactive"}
    well.down.add("9292")
    with pytest.raises(Refused, match="controller02: memcached is inactive") as refused:
        gate.check(site, pending)
    assert "glance does not answer" in refused.value.seen


def test_a_trace_of_an_earlier_drill_is_a_finding(site, well, pending):
    well.says["stackproof-drill"] = "mariadb has a restart pending\n"
    with pytest.raises(Refused, match="controller01: mariadb has a restart pending"):
        gate.check(site, pending)


def test_failures_in_pacemaker_s_history_count_before_a_drill_only(site, well, pending):
    well.recorded["pacemaker"] = "resource-failed"
    found = gate.findings(site)
    assert gate.remembers(site)
    assert any("on controller02" in each and each.startswith("Pacemaker: ") for each in found)
    well.recorded["pacemaker"] = "whole"
    assert not gate.remembers(site)


# -- after a fault ---------------------------------------------------------------------------------

STEPS = ["base", "galera", "nova"]
NAMES = ["_traces", *STEPS]


class Inspecting:
    """Stand-ins for all inspections. Each takes 0.3 s of a fake clock; those named in `amiss` have a finding."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.slept, self.asked, self.amiss = 100.0, [], [], set()
        monkeypatch.setattr(gate, "_traces", self._named("_traces"))
        monkeypatch.setattr(whole, "inspections", lambda _: {name: self._named(name) for name in STEPS})
        monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self.slept.append))

    def _named(self, name: str):
        def amiss(_):
            self.now += 0.3
            self.asked.append(name)
            yield from (Finding(each) for each in {name} & self.amiss)

        return amiss


def test_a_lookout_pauses_after_each_inspection_for_as_long_as_it_took(site, monkeypatch):
    inspecting = Inspecting(monkeypatch)
    assert gate.Lookout(site).amiss() == ""
    assert inspecting.asked == NAMES
    assert inspecting.slept == pytest.approx([0.3] * len(NAMES))


def test_a_lookout_begins_with_the_inspection_of_the_last_finding(site, monkeypatch):
    inspecting, lookout = Inspecting(monkeypatch), gate.Lookout(site)
    inspecting.amiss = {"galera", "nova"}
    assert lookout.amiss() == "galera"
    inspecting.asked.clear()
    assert lookout.amiss() == "galera"
    assert inspecting.asked == ["galera"]
    inspecting.amiss.discard("galera")
    assert lookout.amiss() == "nova"
    inspecting.asked.clear()
    inspecting.amiss.clear()
    assert lookout.amiss() == ""
    assert inspecting.asked[0] == "nova"
    assert sorted(inspecting.asked) == sorted(NAMES)


def test_a_lookout_stops_at_the_first_finding(site, well):
    well.silent.add("controller02")
    assert gate.Lookout(site).amiss() == "controller02: SSH does not answer"
    assert well.commands == {"traces": 4, "silent": 1}


def test_a_lookout_sends_no_question_twice_in_one_check(site, well, monkeypatch):
    monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None))
    assert gate.Lookout(site).amiss() == ""
    assert sum(well.commands.values()) == 41
