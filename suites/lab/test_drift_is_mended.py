"""What somebody changed by hand on a host is put back by the next build, which restarts only what uses it."""

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


def test_only_that_file_is_written_and_its_unit_restarted(mended):
    host, _, outcomes = mended
    changes = [change for outcome in outcomes.values() for change in outcome.changes]
    assert changes == [(host.name, f"wrote {FILE}"), (host.name, f"restarted {UNIT}")]


def test_the_unit_really_restarted(mended, machine_room):
    host, before, _ = mended
    assert machine_room.started(host.name, UNIT) != before[UNIT]


def test_nothing_else_did(mended, machine_room):
    host, before, _ = mended
    assert machine_room.started(host.name, OTHER) == before[OTHER]


def test_the_unit_serves(mended):
    host, _, _ = mended
    until(lambda: systemd.units(host, [UNIT])[UNIT], ready=lambda seen: seen.is_active and not seen.pending, timeout=10)
