"""The families of faults: whom they hit, what they say they would do, and what they never touch."""

import re

import pytest

from fixtures.drills.cut import Cut
from fixtures.drills.errors import Refused
from fixtures.drills.power import Power
from fixtures.drills.undo import POWER_ON, TABLE


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.mark.parametrize(
    ("victims", "kind", "heals"),
    [
        (["controller03"], "node-loss", True),
        (["compute01"], "compute-loss", False),
        (["controller02", "controller03"], "quorum-loss", False),
        (["controller01", "controller02", "controller03"], "cold-start", False),
    ],
)
def test_a_power_loss_is_of_the_class_of_what_is_left(site, victims, kind, heals):
    fault = Power(site).off(*(site.hosts[name] for name in victims))
    assert (fault.kind, fault.heals) == (kind, heals)
    assert [(undo.kind, undo.host) for undo in fault.undos] == [(POWER_ON, name) for name in victims]
    assert all(name in fault.told for name in victims)


def test_a_host_without_a_power_device_is_refused_before_anything_happens(site_of):
    site = site_of("two-node")
    with pytest.raises(Refused, match="no power device"):
        Power(site).off(site.controllers.first)


def test_the_power_of_all_is_not_cut_because_nobody_could_see_it(site):
    with pytest.raises(Refused, match="no host left"):
        Power(site).off(*site.hosts.values())


@pytest.mark.parametrize(("ways", "chains"), [("both", {"input", "output"}), ("in", {"input"})])
def test_only_other_nodes_are_cut_off_and_never_the_runner(site, ways, chains):
    rules = Cut(site)._rules(site.hosts["controller01"], ways)
    peers = {str(address) for node in site.cluster.nodes[1:] for address in node.addresses.values()}
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", rules)) == peers
    assert set(re.findall(r"chain (\w+)", rules)) == chains
    assert rules.startswith(f"table inet {TABLE} ")
    assert "policy drop" not in rules


def test_a_cut_is_mended_on_the_host_itself(site):
    (undo,) = Cut(site).off(site.hosts["controller01"]).undos
    assert (undo.kind, undo.host) == ("mend", "controller01")
    assert undo.script.startswith(f"nft delete table inet {TABLE}")
