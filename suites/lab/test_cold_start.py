"""Every controller loses its power at once: they come back, find each other, and all is whole without a command."""

import pytest

from deploy.lab import groups
from deploy.wait import until
from fixtures.drills.run.runner import tidy

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

BOOT = 300
"""Seconds for all of a host's units to have started, a Galera and a RabbitMQ that await each other among them."""


@pytest.fixture(scope="module")
def share(site):
    """What the first controller gets of the processors, where others that have booted get 1."""
    told, whole = groups.share(site.members("galera").first.name)
    if not told.exists():
        pytest.skip("no hierarchy shares out processors here: enable `cpu` in the root's cgroup.subtree_control")
    return lambda: int(told.read_text()) / whole


@pytest.fixture(scope="module")
def first_back(site, content, machine_room):
    # One after the other would be another disaster: who is left for a second or two is a cluster of its own, and those
    # who then meet again had not all been in the last one (`python -m deploy recover galera`).
    machine_room.power_off(*site.members("galera"))
    machine_room.power_on(site.members("galera").first.name)


@pytest.fixture(scope="module")
def back(site, first_back, machine_room):
    for name in site.members("galera"):
        machine_room.power_on(name)
    yield
    tidy(site)  # what failed where all boot at once is no reason to refuse the drills that follow


def test_one_that_boots_leaves_the_processors_to_the_others(first_back, share):
    assert share() == pytest.approx(groups.BOOTING, rel=0.1)


def test_the_cluster_is_whole_again(deployment, back):
    assert deployment.missing() == {}


def test_one_that_has_booted_gets_as_much_as_they(back, share):
    until(share, ready=lambda part: part == 1, timeout=BOOT, what="its part of the processors", expected="1")
