"""The lab's own power switch: the controller that holds the VIP goes dark, the APIs answer again, the host returns."""

import pytest

from deploy import cloud
from deploy.facts import pacemaker
from deploy.wait import until
from fixtures.drills.runner import tidy

pytestmark = pytest.mark.power

BACK = 60
"""Seconds for the APIs to answer again, fencing included. Drills measure it; this only looks."""


@pytest.fixture(scope="module")
def victim(site, haproxy, machine_room):
    holder = pacemaker.holder(site.controllers, "vip")
    machine_room.power_off(holder.name)
    yield holder
    tidy(site)  # what failed meanwhile is no reason to refuse the drills that follow


@pytest.fixture(scope="module")
def survivors(site, victim):
    return site.controllers.without(victim.name)


def test_the_vip_moves_to_a_survivor(survivors, victim):
    until(
        lambda: pacemaker.holder(survivors, "vip"),
        ready=lambda seen: seen is not None and seen.name != victim.name,
        timeout=BACK,
        what="the VIP",
        expected="on a survivor",
    )


def test_every_api_answers_again(site, survivors):
    for service in site.catalogue.endpoints():
        url = f"http://{site.cluster.api_address}:{service.port}{service.health.path}"
        until(lambda url=url: cloud.answers(url, (200,)), timeout=BACK, what=service.name, expected=f"200 from {url}")


def test_the_cluster_is_whole_again(deployment, victim, machine_room):
    machine_room.power_on(victim.name)
    assert deployment.missing() == {}
