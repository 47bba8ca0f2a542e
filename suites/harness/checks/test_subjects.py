"""Subjects of checks: each is derived from inventory, catalogue and templates, and has a unique name."""

from collections import Counter

import pytest

from deploy import inventory
from fixtures.checks import subjects
from fixtures.checks.subjects import Intended

PROFILES = ("lab", "lab-small", "two-node", "production.example")


@pytest.fixture
def listed():
    return lambda subject, profile="lab": list(subjects.SUBJECTS[subject](Intended.of(inventory.load(profile))))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("subject", subjects.SUBJECTS)
def test_names_are_unique(listed, profile, subject):
    names = Counter(map(subjects.name, listed(subject, profile)))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("subject", subjects.SUBJECTS)
def test_a_report_shows_a_subject_by_its_name(listed, subject):
    # Allure records a check's parameters by `repr`, and identifies the check in the next run by them.
    assert [repr(one) for one in listed(subject) if repr(one).strip("'") != subjects.name(one)] == []


def test_the_service_binds_its_port_on_its_node_and_haproxy_on_the_vip(listed):
    found = {
        opening.unit: opening.addresses
        for opening in listed("opening")
        if (opening.node.name, opening.port) == ("controller02", 5000)
    }
    assert found == {"keystone": {"172.16.181.32"}, "haproxy": {"172.16.181.30"}}


def test_a_port_on_two_addresses_is_one_opening(listed):
    (client,) = (o for o in listed("opening") if (o.node.name, o.port) == ("controller01", 2379))
    assert client.addresses == {"172.16.181.31", "127.0.0.1"}


def test_without_a_vip_there_are_no_proxy_ports_and_no_replication_ports(listed):
    ports = {opening.port for opening in listed("opening", "two-node")}
    assert ports & {5000, 3306, 1080, 4567} == {5000, 3306}


def test_a_port_that_is_open_at_times_is_allowed_and_not_required(listed):
    assert 4568 not in {opening.port for opening in listed("opening")}
    (surface,) = (surface for surface in listed("surface") if surface.node.name == "controller01")
    assert {4568, 22} <= {opening.port for opening in surface.openings}


def test_kernel_settings_are_those_of_the_template(listed):
    found = {s.key: s.value for s in listed("kernel_setting") if s.node.name == "compute01"}
    assert found["net.bridge.bridge-nf-call-iptables"] == "1"
    assert "net.bridge.bridge-nf-call-iptables" not in {
        s.key for s in listed("kernel_setting") if s.node.name == "controller01"
    }


def test_database_settings_are_spelled_like_the_servers_variables(listed):
    found = {s.key: s.value for s in listed("database_setting") if s.node.name == "controller01"}
    assert (found["skip_name_resolve"], found["bind_address"]) == ("ON", "172.16.181.31")
    assert found["wsrep_provider_options"].startswith("gmcast.listen_addr=")
    assert "user" not in found


@pytest.mark.parametrize("profile", PROFILES)
def test_file_subjects_are_exactly_the_rendered_files(listed, site_of, profile):
    site = site_of(profile)
    for node in site.cluster.nodes:
        mine = [file for file in listed("file", profile) if file.node.name == node.name]
        rendered = {
            (file.path, file.owner, file.mode): file.text for file in site.render(node, site.catalogue.on(node))
        }
        assert {(file.path, file.owner, file.mode) for file in mine} == set(rendered)
        for file in mine:
            (text,) = (one.text for one in site.render(node, [file.service]) if one.path == file.path)
            assert text == rendered[file.path, file.owner, file.mode]


def test_the_provider_network_is_a_wire_where_instances_or_routers_use_it(listed):
    wires = {str(wire) for wire in listed("wire", "production.example")}
    assert "compute01-provider" in wires
    assert all(wire.endswith("-management") for wire in wires if wire.startswith("storage"))


def test_folders_owned_whole_are_the_key_repositories_of_every_keystone(listed):
    found = {(folder.node.name, folder.path) for folder in listed("whole_folder")}
    members = {node.name for node in listed("keystone_host")}
    folders = ("/etc/keystone/fernet-keys", "/etc/keystone/credential-keys")
    assert found == {(name, folder) for name in members for folder in folders}


@pytest.mark.parametrize("profile", PROFILES)
def test_one_step_writes_all_files_of_a_folder_owned_whole(listed, site_of, profile):
    site = site_of(profile)
    for folder in listed("whole_folder", profile):
        steps = {
            step.name: {file.path for file in site.render(folder.node, site.services(step.name, folder.node))}
            for step in site.catalogue.projects
        }
        within = {name: {p for p in paths if p.startswith(f"{folder.path}/")} for name, paths in steps.items()}
        assert [paths for paths in within.values() if paths] == [set(folder.files)]
