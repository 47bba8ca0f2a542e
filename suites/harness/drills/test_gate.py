"""The gate: what it asks besides the steps, and that it rests while something is measured."""

from types import SimpleNamespace

import pytest

from deploy import whole
from deploy.finding import Finding
from fixtures.drills.errors import Refused
from fixtures.drills.faults.undo import Kept
from fixtures.drills.run import gate
from suites.harness.well import Well


@pytest.fixture
def site(site_of):
    return site_of("lab")


# -- before a drill --------------------------------------------------------------------------------


@pytest.fixture
def well(site, monkeypatch, recording):
    return Well(site, monkeypatch, recording)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "abandoned", lambda _: [])
    return Kept(tmp_path)


def test_a_healthy_cluster_may_be_drilled(site, well, kept):
    gate.check(site, kept)
    assert well.commands["traces"] == 5
    assert well.commands["pacemaker"] == 3


def test_a_broken_one_may_not_and_all_that_is_amiss_is_told(site, well, kept):
    well.units["controller02", "memcached"] = {"active": "inactive"}
    well.down.add("9292")
    with pytest.raises(Refused, match="controller02: memcached is inactive") as refused:
        gate.check(site, kept)
    assert "glance does not answer" in refused.value.seen


def test_a_trace_of_an_earlier_drill_is_amiss(site, well, kept):
    well.says["stackproof-drill"] = "mariadb has a restart pending\n"
    with pytest.raises(Refused, match="controller01: mariadb has a restart pending"):
        gate.check(site, kept)


def test_what_pacemaker_remembers_is_amiss_before_a_drill_and_not_after_one(site, well, kept):
    well.recorded["pacemaker"] = "resource-failed"
    told = gate.findings(site)
    assert gate.remembers(site)
    assert any("on controller02" in each and each.startswith("Pacemaker: ") for each in told)
    well.recorded["pacemaker"] = "whole"
    assert not gate.remembers(site)


# -- after a fault ---------------------------------------------------------------------------------

STEPS = ["base", "galera", "nova"]
NAMES = ["_traces", *STEPS]


class Looking:
    """Stands for all that is asked. Each takes 0.3 s of its own clock; those in `amiss` find something."""

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


def test_a_lookout_rests_after_each_step_for_as_long_as_it_took(site, monkeypatch):
    looking = Looking(monkeypatch)
    assert gate.Lookout(site).amiss() == ""
    assert looking.asked == NAMES
    assert looking.slept == pytest.approx([0.3] * len(NAMES))


def test_a_lookout_asks_for_what_was_amiss_before_all_else_and_then_for_all_else(site, monkeypatch):
    looking, lookout = Looking(monkeypatch), gate.Lookout(site)
    looking.amiss = {"galera", "nova"}
    assert lookout.amiss() == "galera"
    looking.asked.clear()
    assert lookout.amiss() == "galera"
    assert looking.asked == ["galera"]
    looking.amiss.discard("galera")
    assert lookout.amiss() == "nova"
    looking.asked.clear()
    looking.amiss.clear()
    assert lookout.amiss() == ""
    assert looking.asked[0] == "nova"
    assert sorted(looking.asked) == sorted(NAMES)


def test_a_lookout_asks_no_more_once_something_is_amiss(site, well):
    well.silent.add("controller02")
    assert gate.Lookout(site).amiss() == "controller02: SSH does not answer"
    assert well.commands == {"traces": 4, "silent": 1}


def test_a_lookout_asks_nothing_twice_while_it_goes_on(site, well, monkeypatch):
    monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None))
    assert gate.Lookout(site).amiss() == ""
    assert sum(well.commands.values()) == 33
