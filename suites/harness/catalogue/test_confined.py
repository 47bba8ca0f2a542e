"""Units: each one of ours, and each of the kinds `wsgi` and `worker`, may do only what its service needs."""

import pytest

from suites.harness.clusters import choosing

OURS = {"galera-health", "haproxy-watch", "rabbitmq-watch", "rabbitmq-failover", "vxlan-flood"}
ALWAYS = {
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallFilter=@system-service",
}


@pytest.fixture
def units(site_of):
    """The lines of each unit's file by the unit's name, and its service, of all nodes of a cluster."""

    def make(cluster):
        site, found = site_of(cluster), {}
        for node in site.cluster.nodes:
            for service in site.catalogue.on(node):
                for file in site.render(node, [service]):
                    if file.path == f"/etc/systemd/system/{service.unit}.service":
                        found[service.unit] = service, file.text.splitlines()
        return found

    return make


def test_units_are_confined(units):
    found = units("lab")
    of_kinds = {
        unit for unit, (service, _) in found.items() if service.kind in {"wsgi", "worker"} and not service.escalates
    }
    assert {"keystone", "nova-conductor", "neutron-rpc-server", "glance-api"} <= of_kinds
    assert found.keys() >= OURS
    for unit in of_kinds | OURS:
        assert set(found[unit][1]) >= ALWAYS, unit


def test_a_unit_that_starts_programs_as_root_lets_sudo_become_root(units):
    found = units(choosing("lab", "ceph", "cinder"))
    escalating = {unit: lines for unit, (service, lines) in found.items() if service.escalates}
    assert escalating.keys() == {"cinder-volume", "cinder-backup"}
    # systemd sets NoNewPrivileges for a unit with an account of its own that has any of the others.
    for lines in escalating.values():
        assert ALWAYS & set(lines) == {"ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes"}
        assert not [
            line for line in lines if line.startswith(("Restrict", "Lock", "SystemCall", "ProtectK", "ProtectClo"))
        ]


def test_a_service_writes_its_own_folders_only(units):
    for unit, (service, lines) in units("lab").items():
        if service.kind in {"wsgi", "worker"}:
            who = service.runs_as
            assert [line for line in lines if line.startswith("ReadWritePaths")] == [
                f"ReadWritePaths=-/var/lib/{who} -/var/log/{who}"
            ], unit
            assert f"RuntimeDirectory={who} lock/{who}" in lines, unit


def test_no_unit_keeps_rights_of_root_that_it_does_not_need(units):
    kept = {
        "haproxy-watch": "CAP_DAC_OVERRIDE",
        "rabbitmq-watch": "CAP_DAC_OVERRIDE",
        "rabbitmq-failover": "CAP_NET_ADMIN",
        "vxlan-flood": "CAP_NET_ADMIN",
        "stackproof-firewall": "CAP_NET_ADMIN",
    }
    for unit, (service, lines) in units("lab").items():
        if service.escalates:
            continue
        bounds = [line.removeprefix("CapabilityBoundingSet=") for line in lines if line.startswith("CapabilityB")]
        assert bounds == [kept.get(unit, "")], unit
