"""All controllers lose their power at once; after power on, the cluster becomes whole without a command."""

import pytest

from deploy.lab import groups
from deploy.wait import until
from fixtures.drills.run.runner import tidy

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

BOOT = 300
"""Seconds until all units of a host have started, including Galera and RabbitMQ, which wait for their members."""


@pytest.fixture(scope="module")
def share(site):
    """A function that reads the first controller's CPU weight, as a fraction of the weight of a booted host."""
    weight, whole = groups.share(site.members("galera").first.name)
    if not weight.exists():
        pytest.skip("the cgroup tree has no CPU weights: enable `cpu` in the root's cgroup.subtree_control")
    return lambda: int(weight.read_text()) / whole


@pytest.fixture(scope="module")
def first_back(site, content, machine_room):
    # All at once: the last of several hosts would be a cluster of its own for a second or two. After power on, not all
    # members would belong to that last cluster (`python -m deploy recover galera`).
    machine_room.power_off(*site.members("galera"))
    machine_room.power_on(site.members("galera").first.name)


@pytest.fixture(scope="module")
def back(site, first_back, machine_room):
    for name in site.members("galera"):
        machine_room.power_on(name)
    yield
    tidy(site)  # actions that failed while all hosts booted at once would make the gate refuse later drills


def test_a_booting_host_has_a_low_cpu_weight(first_back, share):
    assert share() == pytest.approx(groups.BOOTING, rel=0.1)


def test_the_cluster_is_whole_again(deployment, back):
    assert deployment.missing() == {}


def test_a_booted_host_has_the_full_cpu_weight(back, share):
    until(share, ready=lambda part: part == 1, timeout=BOOT, what="the host's CPU weight", expected="1")
