"""Units: each unit of the catalogue runs as its own user and stays up; no unit of the host has failed."""

import pytest

from deploy.facts import processes, starts, systemd

FIRST = {
    "galera": "every commit waits for the slowest member",
    "ceph-mon": "its leader answers within half a second, or the others elect",
    "ceph-osd": "a write of an instance waits for three hosts",
    "pacemaker": "while it moves the VIP or fences, all clients wait for its daemons",
}
"""Services with a higher CPU priority than all others on their host, and the reason."""
OWN_RESTARTS = 3
"""Restarts by systemd, since the unit was last started, that do not count as a loop."""
STARTS = 5
"""Starts within ten minutes, by anybody, that do not count as a loop; a build or a drill makes two. systemd counts no
restart of a unit that Pacemaker owns, and Pacemaker forgets a failure after five minutes (failure-timeout)."""


def names(standing, node):
    """The units of the catalogue on a node, which one reading covers."""
    return [service.unit for service in standing.catalogue.on(node) if service.unit]


def state(standing, reader, unit, expect):
    """The unit's state; red where systemd does not answer."""
    found = systemd.units(reader, names(standing, unit.node))[unit.name]
    return expect.known(f"the state of unit {unit.name}", found, "systemctl status")


def test_unit_is_active(standing, reader, unit, expect):
    own = state(standing, reader, unit, expect)
    expect(f"unit {unit.name}", own.active, "active", f"journalctl -u {unit.name}")


def test_unit_is_enabled_unless_pacemaker_starts_it(standing, reader, unit, expect):
    own = state(standing, reader, unit, expect)
    owner = "Pacemaker" if unit.by_pacemaker else "systemd"
    expect(
        f"unit {unit.name}, which {owner} starts",
        own.enabled,
        "disabled" if unit.by_pacemaker else "enabled",
        f"systemctl is-enabled {unit.name}",
    )


def test_unit_does_not_restart_in_a_loop(standing, readings, reader, unit, expect):
    own = state(standing, reader, unit, expect)
    expect.that(
        f"unit {unit.name}",
        own.restarts <= OWN_RESTARTS,
        seen=f"restarted {own.restarts} times by systemd",
        expected=f"at most {OWN_RESTARTS} restarts since it was started",
        look=f"journalctl -u {unit.name}",
    )
    most = starts.most(reader, names(standing, unit.node), readings.since).get(unit.name, 0)
    expect.that(
        f"unit {unit.name}",
        most <= STARTS,
        seen=f"started {most} times within ten minutes",
        expected=f"at most {STARTS} starts within ten minutes, since {readings.since or 'a day ago'}",
        look=f"journalctl -u {unit.name}; --since=TIME leaves out older starts",
    )


def test_unit_runs_as_its_own_user(reader, daemon, expect):
    users = processes.users(processes.running(reader), daemon.name)
    expect.that(
        f"accounts of unit {daemon.name}'s processes",
        daemon.account in users,
        seen=users,
        expected=f"{daemon.account} among them",
        look=f"systemctl show -p User {daemon.name}, ps -eo user,unit",
    )


@pytest.mark.own
def test_unit_has_its_cpu_priority(reader, daemon, expect):
    found = processes.niceness(reader)
    running = daemon.name in found
    expect.that(f"unit {daemon.name}", running, seen="no process", expected="a process", look="ps -eo ni,unit")
    niceness = found[daemon.name]
    why = FIRST.get(daemon.service.name, "")
    expect.that(
        f"the niceness of unit {daemon.name}",
        bool(niceness) and max(niceness) < 0 if why else max(niceness, default=0) <= 0,
        seen=", ".join(map(str, sorted(niceness))) or "real time",
        expected=f"below 0: {why}" if why else "at most 0: only a unit that is still starting has more",
        look=f"systemctl show -p Nice -p ExecStartPost {daemon.name}, ps -eo ni,pid,unit",
    )


@pytest.mark.own
def test_unit_restarted_after_its_files_changed(standing, reader, unit, expect):
    own = state(standing, reader, unit, expect)
    expect(f"unit {unit.name} still has to restart after a change of its files", own.pending, expected=False)


def test_no_unit_failed(reader, node, expect):
    expect("failed units", systemd.failed(reader), [], "systemctl --failed")
