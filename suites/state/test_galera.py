"""Galera: one synchronous cluster of all members, in step, where a write on one is read on the others."""

import pytest

from deploy.facts import galera
from deploy.facts.members import most

pytestmark = pytest.mark.needs("ha")

LOOK = "SHOW STATUS LIKE 'wsrep%', journalctl -u mariadb"
WAITING = 16
"""Write sets that may wait to be applied; from here flow control holds all members back (gcs.fc_limit)."""
PAUSED = 0.1
"""The part of the time, since the member was started, that flow control may have held all members back."""
SAFE = {
    "wsrep_on": "ON",
    "binlog_format": "ROW",
    "default_storage_engine": "InnoDB",
    "innodb_autoinc_lock_mode": "2",
    "innodb_flush_log_at_trx_commit": "1",
}
"""What any Galera cluster needs to keep what it acknowledged."""
SIZES = {"K": 2**10, "M": 2**20, "G": 2**30}


def test_it_is_synced(reader, galera_host, expect):
    expect("Galera's state", galera.status(reader).state, "Synced", LOOK)


def test_it_is_in_the_primary_component(reader, galera_host, expect):
    seen = galera.status(reader)
    expect.that(
        "Galera", seen.primary and seen.ready, seen="not primary, or not ready", expected="primary and ready", look=LOOK
    )


def test_it_sees_all_members(readings, reader, galera_host, expect):
    expect("members it sees", galera.status(reader).size, len(readings.members("galera")), LOOK)


@pytest.mark.parametrize("what", ["uuid", "protocol"])
def test_it_has_what_the_others_have(galera_host, everywhere, what, expect):
    told = {name: getattr(seen, what) for name, seen in everywhere(galera.status, service="galera").items()}
    expect(f"the cluster's {what}", told[galera_host.name], most(told.values(), "") or "an answer", LOOK)


def test_it_applies_what_it_receives(reader, galera_host, expect):
    waiting = galera.status(reader).receiving
    expect.that("write sets that wait", waiting < WAITING, seen=waiting, expected=f"fewer than {WAITING}", look=LOOK)


def test_flow_control_does_not_hold_it_back(reader, galera_host, expect):
    seen = galera.status(reader)
    expect.that(
        "flow control",
        not seen.is_pausing and seen.paused <= PAUSED,
        seen=f"active {seen.is_pausing}, {seen.paused:.0%} of the time",
        expected=f"not active, at most {PAUSED:.0%} of the time",
        look=LOOK,
    )


@pytest.mark.parametrize("name", SAFE)
def test_it_keeps_what_it_acknowledged(reader, galera_host, name, expect):
    expect(name, galera.variables(reader).get(name), SAFE[name], "SHOW GLOBAL VARIABLES, /etc/mysql/my.cnf")


@pytest.mark.own
def test_it_runs_with_what_its_file_says(reader, database_setting, expect):
    seen = galera.variables(reader).get(database_setting.key, "")
    there = {part.replace(" = ", "=").rstrip("/") for part in seen.split("; ")}
    expect.that(
        database_setting.key,
        {plain(part) for part in database_setting.value.split(";")} <= there,
        seen=seen,
        expected=database_setting.value,
        look="SHOW GLOBAL VARIABLES, /etc/mysql/my.cnf",
    )


def plain(value):
    """A size as the server tells it: in bytes."""
    number, unit = value[:-1], value[-1:]
    return str(int(number) * SIZES[unit]) if number.isdecimal() and unit in SIZES else value


def test_its_disk_knows_the_cluster(reader, galera_host, together, standing, expect):
    unit = standing.catalogue["galera"].unit
    seen = together({"disk": lambda: galera.saved(reader, unit), "now": lambda: galera.status(reader)})
    expect("the cluster in grastate.dat", seen["disk"].uuid, seen["now"].uuid, "/var/lib/mysql/grastate.dat")


def test_a_running_member_is_not_safe_to_bootstrap(reader, galera_host, standing, expect):
    seen = galera.saved(reader, standing.catalogue["galera"].unit)
    expect.that(
        "safe_to_bootstrap in grastate.dat",
        not (seen.running and seen.safe_to_bootstrap),
        seen=1,
        expected="0: after a power loss it would start a cluster of its own",
        look="/var/lib/mysql/grastate.dat",
    )


@pytest.mark.own
@pytest.mark.writes
def test_a_write_on_one_is_read_on_every_other(readings, reader, galera_host, expect):
    first = readings.members("galera")[0]
    wrote = galera.wrote(readings.reader(first))
    read = galera.written(reader)
    expect.that(
        f"what was written on {first.name} at {wrote}", read >= wrote, seen=read, expected="that, or later", look=LOOK
    )


def test_its_health_check_tells_synced_from_up(galera_host, reader, page, standing, expect):
    url = standing.addresses.health(galera_host, "galera")
    synced = galera.status(reader).synced
    expect(f"what {url} answers HAProxy", page(url).status, 200 if synced else 503, "journalctl -u galera-health")
