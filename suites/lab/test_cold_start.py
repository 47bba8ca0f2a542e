"""Every controller loses its power at once: they come back, find each other, and all is whole without a command."""

import pytest

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]


@pytest.fixture(scope="module")
def back(site, content, machine_room):
    for name in site.controllers:
        machine_room.power_off(name)
    for name in site.controllers:
        machine_room.power_on(name)


def test_the_cluster_is_whole_again(deployment, back):
    assert deployment.missing() == {}
