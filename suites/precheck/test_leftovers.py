"""Nothing of another deployment is left on any machine."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, leftovers, machine, systemd

pytestmark = pytest.mark.precheck


def _left(reader, standing):
    return leftovers.read(reader, standing.leftovers)


def test_no_other_cluster_claims_the_machine(node, reader, standing, expect):
    name = standing.cluster.name
    left = _left(reader, standing)
    expect("configurations of other clusters", left.foreign(name), {}, look="remove it, or reinstall the machine")
    if left.ours(name):
        expect.note(f"carries cluster {name} already ({', '.join(left.claims)})")


def test_no_data_of_others_is_there(node, reader, standing, expect):
    seen = precheck.foreign_data(_left(reader, standing), standing.cluster.name)
    expect("data of services that no cluster of ours put there", seen, (), look="save what matters, then remove it")


def test_no_address_of_others_is_there(nic, reader, cluster, expect):
    seen = precheck.strangers(nic, interfaces.read(reader), cluster.vip)
    expect(f"addresses of {nic.network.cidr} that the inventory does not give it", seen, [], look=nic.look)


def test_no_unit_of_others_runs(unit, reader, standing, expect):
    if _left(reader, standing).ours(standing.cluster.name) or machine.read(reader).init != "systemd":
        return
    seen = systemd.units(reader, [unit.name])[unit.name]
    if unit.service.step == "base":
        if seen.is_active:
            expect.note(f"{unit.name} runs already; the build configures it anew")
        return
    expect.that(
        f"unit {unit.name}, which we did not configure",
        not seen.is_active,
        seen=seen.active,
        expected="not running",
        look=f"systemctl status {unit.name}",
    )
