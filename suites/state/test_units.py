"""Units: every one of the catalogue runs, belongs to whom it should, and stays up; none has failed."""

import pytest

from deploy.facts import processes

FIRST = {
    "galera": "every commit waits for the slowest member",
    "pacemaker": "while it moves the VIP or fences, all wait for its daemons",
}
"""Services that go before what else runs on their host, and why."""
OWN_RESTARTS = 3
"""Restarts by systemd since the unit was last started that are no loop yet."""


def test_it_runs(host, unit, expect):
    seen = host.service(f"{unit.name}.service").systemd_properties
    expect(f"unit {unit.name}", seen["ActiveState"], "active", f"journalctl -u {unit.name}")


def test_its_owner_starts_it(host, unit, expect):
    seen = host.service(f"{unit.name}.service").systemd_properties
    owner = "Pacemaker" if unit.by_pacemaker else "systemd"
    expect(
        f"unit {unit.name}, which {owner} starts",
        seen["UnitFileState"],
        "disabled" if unit.by_pacemaker else "enabled",
        f"systemctl is-enabled {unit.name}",
    )


def test_it_is_not_restarting_in_a_loop(host, unit, expect):
    seen = host.service(f"{unit.name}.service").systemd_properties
    restarts = int(seen["NRestarts"])
    expect.that(
        f"unit {unit.name}",
        restarts <= OWN_RESTARTS,
        seen=f"restarted {restarts} times by systemd",
        expected=f"at most {OWN_RESTARTS} restarts since it was started",
        look=f"journalctl -u {unit.name}",
    )


def test_it_works_as_its_own_user(reader, unit, expect):
    seen = processes.users(processes.running(reader), unit.name)
    expect.that(
        f"the accounts unit {unit.name} runs as",
        unit.account in seen,
        seen=seen,
        expected=f"{unit.account} at least",
        look=f"systemctl show -p User {unit.name}, ps -eo user,unit",
    )


@pytest.mark.own
def test_its_priority_is_that_of_what_it_does(reader, unit, expect):
    seen = processes.niceness(reader).get(unit.name, frozenset())
    why = FIRST.get(unit.service.name, "")
    expect.that(
        f"the niceness of unit {unit.name}",
        bool(seen) and max(seen) < 0 if why else max(seen, default=0) <= 0,
        seen=", ".join(map(str, sorted(seen))) or "no process",
        expected=f"below 0: {why}" if why else "at most 0: above that is what still starts",
        look=f"systemctl show -p Nice -p ExecStartPost {unit.name}, ps -eo ni,pid,unit",
    )


@pytest.mark.own
def test_it_restarted_since_its_files_changed(host, unit, expect):
    marker = host.file(f"/var/lib/stackproof/pending/{unit.name}")
    expect(f"unit {unit.name}: a file it reads changed, and it has not restarted since", marker.exists, expected=False)


def test_no_unit_failed(host, node, expect):
    listed = host.run("systemctl list-units --failed --plain --no-legend").stdout
    expect("failed units", [line.split()[0] for line in listed.splitlines()], [], "systemctl --failed")
