"""Galera: one cluster of all members, each synced, where every member reads a write of the first."""

import pytest

from deploy.facts import galera
from deploy.facts.members import most

pytestmark = pytest.mark.needs("ha")

LOOK = "SHOW STATUS LIKE 'wsrep%', journalctl -u mariadb"
WAITING = 16
"""Length of the receive queue at which flow control pauses all members (gcs.fc_limit)."""
PAUSED = 0.1
"""The largest fraction of a member's uptime during which flow control may have paused replication."""
SAFE = {
    "wsrep_on": "ON",
    "binlog_format": "ROW",
    "default_storage_engine": "InnoDB",
    "innodb_autoinc_lock_mode": "2",
    "innodb_flush_log_at_trx_commit": "1",
}
"""Settings that any Galera cluster needs to keep every acknowledged write."""
SIZES = {"K": 2**10, "M": 2**20, "G": 2**30}


def known(reader, expect):
    """The member's status; red where the database does not answer."""
    return expect.known("the database's status", galera.status(reader), LOOK)


def test_member_is_synced(reader, galera_host, expect):
    expect("Galera's state", galera.status(reader).state, "Synced", LOOK)


def test_member_is_in_the_primary_component(reader, galera_host, expect):
    status = galera.status(reader)
    expect.that(
        "the member's component",
        status.primary and status.ready,
        seen="not primary, or not ready",
        expected="primary and ready",
        look=LOOK,
    )


def test_member_is_connected_to_all_members(readings, reader, galera_host, expect):
    expect("members in its cluster", galera.status(reader).size, len(readings.members("galera")), LOOK)


@pytest.mark.parametrize("value", ["uuid", "protocol"])
def test_member_agrees_with_the_majority(galera_host, everywhere, value, expect):
    values = {name: getattr(status, value) for name, status in everywhere(galera.status, service="galera").items()}
    expect(f"the cluster's {value}", values[galera_host.name], most(values.values(), "") or "an answer", LOOK)


def test_receive_queue_is_short(reader, galera_host, expect):
    waiting = known(reader, expect).receiving
    expect.that(
        "write sets in the receive queue", waiting < WAITING, seen=waiting, expected=f"fewer than {WAITING}", look=LOOK
    )


def test_flow_control_is_inactive(reader, galera_host, expect):
    status = known(reader, expect)
    expect.that(
        "flow control",
        not status.is_pausing and status.paused <= PAUSED,
        seen=f"{'active' if status.is_pausing else 'not active'}, replication paused {status.paused:.0%} of the time",
        expected=f"not active, replication paused at most {PAUSED:.0%} of the time",
        look=LOOK,
    )


@pytest.mark.own
def test_members_alone_may_join(reader, galera_host, standing, expect):
    """Whoever joins receives the whole database, and writes to it."""
    members = sorted(address.host for address in standing.addresses.members("galera"))
    expect("addresses that may join", list(galera.allowed(reader)), members, "mysql.wsrep_allowlist on the member")


@pytest.mark.parametrize("name", SAFE)
def test_durability_setting_is_active(reader, galera_host, name, expect):
    expect(name, galera.variables(reader).get(name), SAFE[name], "SHOW GLOBAL VARIABLES, /etc/mysql/my.cnf")


@pytest.mark.own
def test_running_setting_matches_the_file(reader, database_setting, expect):
    running = galera.variables(reader).get(database_setting.key, "")
    parts = {part.replace(" = ", "=").rstrip("/") for part in running.split("; ")}
    expect.that(
        database_setting.key,
        {in_bytes(part) for part in database_setting.value.split(";")} <= parts,
        seen=running,
        expected=database_setting.value,
        look="SHOW GLOBAL VARIABLES, /etc/mysql/my.cnf",
    )


def test_no_transaction_was_left_with_its_locks(reader, galera_host, expect):
    """Everybody who needs such a row waits for 50 s and fails, again and again."""
    expect(
        "transactions that hold locks and do nothing",
        galera.forgotten(reader),
        (),
        "information_schema.innodb_trx and processlist; KILL <connection> ends one",
    )


def in_bytes(value):
    """A size such as 16M in bytes, as the server reports it; any other value as it is."""
    number, unit = value[:-1], value[-1:]
    return str(int(number) * SIZES[unit]) if number.isdecimal() and unit in SIZES else value


def test_grastate_names_the_running_cluster(reader, galera_host, together, standing, expect):
    unit = standing.catalogue["galera"].unit
    read = together({"disk": lambda: galera.saved(reader, unit), "now": lambda: galera.status(reader)})
    uuid = expect.known("the running cluster's uuid", read["now"].uuid, LOOK)
    expect("the cluster's uuid in grastate.dat", read["disk"].uuid, uuid, "/var/lib/mysql/grastate.dat")


def test_running_member_is_not_safe_to_bootstrap(reader, galera_host, standing, expect):
    found = galera.saved(reader, standing.catalogue["galera"].unit)
    saved = expect.known("grastate.dat and the unit's state", found, "/var/lib/mysql/grastate.dat")
    expect.that(
        "safe_to_bootstrap in grastate.dat",
        not (saved.running and saved.safe_to_bootstrap),
        seen=1,
        expected="0: with 1 the member would start a separate cluster after a power loss",
        look="/var/lib/mysql/grastate.dat",
    )


@pytest.mark.own
@pytest.mark.writes
def test_write_on_the_first_member_is_read_on_every_member(readings, reader, galera_host, expect):
    first = readings.members("galera")[0]
    wrote = galera.write_check(readings.reader(first))
    read = galera.read_check(reader)
    expect.that(
        f"the time in the row that {first.name} wrote",
        read >= wrote,
        seen=read,
        expected=f"{wrote} or later",
        look=LOOK,
    )


def test_health_check_answers_200_only_while_synced(galera_host, reader, page, standing, expect):
    url = standing.addresses.health(galera_host, "galera")
    synced = galera.status(reader).synced
    expect(
        f"the status of HAProxy's health check {url}",
        page(url).status,
        200 if synced else 503,
        "journalctl -u galera-health",
    )
