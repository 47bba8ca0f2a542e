"""The next boot and the next night change nothing: what runs now is what the host is configured for."""

import pytest

from deploy.facts import next_boot
from deploy.facts.next_boot import Account
from deploy.journal import JOURNAL

DAYS = 30
"""Days before an account's end from which it is a finding."""


def state(reader, expect):
    """The host's state after the next boot; a finding where the host did not say."""
    found = next_boot.read(reader)
    expect.that("the state after the next boot", found.answered, seen="not known", expected="an answer of the host")
    return found


# -- settings, mounts, units ---------------------------------------------------------------------


@pytest.mark.own
def test_kernel_setting_keeps_its_value_at_a_boot(reader, kernel_setting, expect):
    expect(
        f"{kernel_setting.key} after the next boot",
        state(reader, expect).sysctl.get(kernel_setting.key),
        kernel_setting.value,
        "/usr/lib/systemd/systemd-sysctl --cat-config: the last file that sets the key counts",
    )


def test_mounts_are_those_of_the_next_boot(reader, node, expect):
    found = state(reader, expect)
    expect("entries of /etc/fstab that are not mounted", found.unmounted, (), "/etc/fstab, findmnt")
    expect("mounted disks that the next boot does not mount", found.unconfigured, (), "findmnt; add them to /etc/fstab")


@pytest.mark.own
def test_no_unplanned_unit_starts_at_boot(reader, node, standing, expect):
    planned = {service.unit for service in standing.catalogue.on(node)}
    # Packages of one service bring units of others, and most distributions enable them.
    every = standing.every
    known = {service.unit for service in every.services} | {unit for project in every.projects for unit in project.idle}
    enabled = {unit.removesuffix(".service") for unit in state(reader, expect).enabled}
    expect(
        "enabled units of services that this host is not to have",
        enabled & (known - planned),
        set(),
        "systemctl list-unit-files --state=enabled; systemctl disable --now UNIT",
    )


def test_cloud_init_leaves_the_hosts_file(reader, node, expect):
    expect.that(
        "cloud-init's manage_etc_hosts",
        not state(reader, expect).rewrites_hosts,
        seen="cloud-init writes /etc/hosts at each boot",
        expected="false",
        look="/etc/cloud/cloud.cfg.d and the machine's user data",
    )


def test_no_program_crossed_an_upgrade(reader, node, standing, expect):
    ours = {service.unit for service in standing.catalogue.on(node)}
    expect(
        "replaced files that processes still run, by unit",
        {unit: files for unit, files in state(reader, expect).stale.items() if unit in ours},
        {},
        "grep deleted /proc/PID/maps; restart the units",
    )


def test_machine_runs_the_kernel_of_the_next_boot(reader, node, expect):
    found = state(reader, expect)
    newest = found.kernels[-1] if found.kernels else found.kernel
    look = "/boot, /run/reboot-required; reboot at a planned time"
    expect("the running kernel", found.kernel, newest, look)
    expect("packages that wait for a reboot", found.reboot, (), look)


# -- the next nights -----------------------------------------------------------------------------


def test_no_needed_account_expires(reader, node, standing, expect):
    found = state(reader, expect)
    needed = {"root", standing.cluster.ssh.user, *(service.runs_as for service in standing.catalogue.on(node))}
    ends = {name: found.accounts.get(name, Account(None, None, None)).until() for name in needed - {""}}
    soon = {name: f"in {day - found.today} days" for name, day in ends.items() if day is not None}
    expect.that(
        "accounts that the host's services and this tool use",
        bool(found.accounts) and not {name for name in soon if ends[name] < found.today + DAYS},
        seen=soon or "not known",
        expected=f"none ends, or must change its password, within {DAYS} days",
        look="chage --list NAME",
    )


def test_every_open_log_is_rotated(reader, node, expect):
    found = state(reader, expect)
    look = "logrotate --debug /etc/logrotate.conf"
    expect("errors in logrotate's configuration", found.rotation, (), look)
    expect("open logs that logrotate does not know", found.unrotated, (), look)


def test_unattended_upgrades_are_reported_and_all_hosts_agree(everywhere, standing, cluster, record_property, expect):
    """Upgrades without an operator are the operator's choice, and reported. A difference between hosts is a mistake."""
    script = standing.platform.manager.nightly
    said = everywhere(lambda reader: reader.run("exec sh -s", stdin=script).out.strip())
    answers = {name: word or "not known" for name, word in said.items()}
    note = f"upgrades of packages at night, without an operator: {' and '.join(sorted(set(answers.values())))}"
    record_property("upgrades", note)
    JOURNAL.emit("note", note, host=cluster.name)
    expect.that(
        "upgrades of packages at night",
        set(answers.values()) in ({"on"}, {"off"}),
        seen=answers,
        expected="on everywhere, or off everywhere",
        look="apt-config dump APT::Periodic",
    )
