"""Units: each unit of the catalogue runs as its own user and stays up; no unit of the host has failed."""

import pytest

from deploy.facts import processes

FIRST = {
    "galera": "every commit waits for the slowest member",
    "pacemaker": "while it moves the VIP or fences, all clients wait for its daemons",
}
"""Services with a higher CPU priority than all others on their host, and the reason."""
OWN_RESTARTS = 3
"""Restarts by systemd, since the unit was last started, that do not count as a loop."""


def test_unit_is_active(host, unit, expect):
    properties = host.service(f"{unit.name}.service").systemd_properties
    expect(f"unit {unit.name}", properties["ActiveState"], "active", f"journalctl -u {unit.name}")


def test_unit_is_enabled_unless_pacemaker_starts_it(host, unit, expect):
    properties = host.service(f"{unit.name}.service").systemd_properties
    owner = "Pacemaker" if unit.by_pacemaker else "systemd"
    expect(
        f"unit {unit.name}, which {owner} starts",
        properties["UnitFileState"],
        "disabled" if unit.by_pacemaker else "enabled",
        f"systemctl is-enabled {unit.name}",
    )


def test_unit_does_not_restart_in_a_loop(host, unit, expect):
    properties = host.service(f"{unit.name}.service").systemd_properties
    restarts = int(properties["NRestarts"])
    expect.that(
        f"unit {unit.name}",
        restarts <= OWN_RESTARTS,
        seen=f"restarted {restarts} times by systemd",
        expected=f"at most {OWN_RESTARTS} restarts since it was started",
        look=f"journalctl -u {unit.name}",
    )


def test_unit_runs_as_its_own_user(reader, unit, expect):
    users = processes.users(processes.running(reader), unit.name)
    expect.that(
        f"accounts of unit {unit.name}'s processes",
        unit.account in users,
        seen=users,
        expected=f"{unit.account} among them",
        look=f"systemctl show -p User {unit.name}, ps -eo user,unit",
    )


@pytest.mark.own
def test_unit_has_its_cpu_priority(reader, unit, expect):
    niceness = processes.niceness(reader).get(unit.name, frozenset())
    why = FIRST.get(unit.service.name, "")
    expect.that(
        f"the niceness of unit {unit.name}",
        bool(niceness) and max(niceness) < 0 if why else max(niceness, default=0) <= 0,
        seen=", ".join(map(str, sorted(niceness))) or "no process",
        expected=f"below 0: {why}" if why else "at most 0: only a unit that is still starting has more",
        look=f"systemctl show -p Nice -p ExecStartPost {unit.name}, ps -eo ni,pid,unit",
    )


@pytest.mark.own
def test_unit_restarted_after_its_files_changed(host, unit, expect):
    marker = host.file(f"/var/lib/stackproof/pending/{unit.name}")
    expect(f"unit {unit.name} still has to restart after a change of its files", marker.exists, expected=False)


def test_no_unit_failed(host, node, expect):
    listed = host.run("systemctl list-units --failed --plain --no-legend").stdout
    expect("failed units", [line.split()[0] for line in listed.splitlines()], [], "systemctl --failed")
