"""The next build restores a file that was changed by hand, and restarts only the unit that uses the file."""

import pytest

from deploy.facts import systemd
from deploy.wait import until

pytestmark = pytest.mark.power

FILE, UNIT, OTHER = "/etc/memcached.conf", "memcached", "mariadb"


@pytest.fixture(scope="module")
def mended(site, memcached, deployment, machine_room):
    host = site.members("memcached").first
    before = {unit: machine_room.started(host.name, unit) for unit in (UNIT, OTHER)}
    machine_room.scribble(host.name, FILE)
    outcomes = deployment.again()
    return host, before, outcomes


def test_only_the_changed_file_is_written_and_its_unit_restarted(mended):
    host, _, outcomes = mended
    changes = [change for outcome in outcomes.values() for change in outcome.changes]
    assert changes == [(host.name, f"wrote {FILE}"), (host.name, f"restarted {UNIT}")]


def test_the_unit_has_a_new_start_time(mended, machine_room):
    host, before, _ = mended
    assert machine_room.started(host.name, UNIT) != before[UNIT]


def test_another_unit_keeps_its_start_time(mended, machine_room):
    host, before, _ = mended
    assert machine_room.started(host.name, OTHER) == before[OTHER]


def test_the_unit_is_active_again(mended):
    host, _, _ = mended
    until(lambda: systemd.units(host, [UNIT])[UNIT], ready=lambda unit: unit.is_active and not unit.pending, timeout=10)
