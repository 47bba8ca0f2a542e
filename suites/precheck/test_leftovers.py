"""No machine has leftovers of another deployment."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, leftovers, machine, systemd

pytestmark = pytest.mark.precheck


def _left(reader, standing):
    return leftovers.read(reader, standing.leftovers)


def test_no_other_cluster_claims_the_machine(node, reader, standing, expect):
    name = standing.cluster.name
    left = _left(reader, standing)
    expect("configurations of other clusters", left.foreign(name), {}, look="remove them, or reinstall the machine")
    if left.ours(name):
        expect.note(f"already part of cluster {name} ({', '.join(left.claims)})")


def test_no_foreign_data_exists(node, reader, standing, expect):
    foreign = precheck.foreign_data(_left(reader, standing), standing.cluster.name)
    expect("service data of other deployments", foreign, (), look="save what you need, then remove them")


def test_no_foreign_address_exists(nic, reader, cluster, expect):
    unknown = precheck.strangers(nic, interfaces.read(reader), cluster.vip)
    expect(f"addresses of {nic.network.cidr} that the inventory does not give the node", unknown, [], look=nic.command)


def test_no_foreign_unit_runs(unit, reader, standing, expect):
    if _left(reader, standing).ours(standing.cluster.name) or machine.read(reader).init != "systemd":
        return
    state = systemd.units(reader, [unit.name])[unit.name]
    if unit.service.step == "base":
        if state.is_active:
            expect.note(f"{unit.name} already runs; the build replaces its configuration")
        return
    expect.that(
        f"unit {unit.name}, which this cluster did not configure",
        not state.is_active,
        seen=state.active,
        expected="not running",
        look=f"systemctl status {unit.name}",
    )
