"""Subjects: what checks are about comes out of inventory, catalogue and templates, and each has a name of its own."""

from collections import Counter

import pytest

from deploy import inventory
from fixtures.checks import subjects
from fixtures.checks.subjects import Intended

PROFILES = ("lab", "two-node", "production.example")


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
    # Allure writes down what a check was run with as `repr` tells it, and knows it again in the next run by that.
    assert [repr(one) for one in listed(subject) if repr(one).strip("'") != subjects.name(one)] == []


def test_a_port_is_bound_by_the_service_on_its_node_and_by_the_proxy_on_the_vip(listed):
    found = {
        opening.unit: opening.addresses
        for opening in listed("opening")
        if (opening.node.name, opening.port) == ("controller02", 5000)
    }
    assert found == {"keystone": {"172.16.181.32"}, "haproxy": {"172.16.181.30"}}


def test_a_port_on_two_addresses_is_one_opening(listed):
    (client,) = (o for o in listed("opening") if (o.node.name, o.port) == ("controller01", 2379))
    assert client.addresses == {"172.16.181.31", "127.0.0.1"}


def test_without_a_vip_nobody_proxies_and_nothing_replicates(listed):
    ports = {opening.port for opening in listed("opening", "two-node")}
    assert ports & {5000, 3306, 1080, 4567} == {5000, 3306}


def test_what_listens_at_times_may_and_need_not(listed):
    assert 4568 not in {opening.port for opening in listed("opening")}
    (surface,) = (surface for surface in listed("surface") if surface.node.name == "controller01")
    assert {4568, 22} <= {opening.port for opening in surface.openings}


def test_kernel_settings_are_those_of_the_template(listed):
    found = {s.key: s.value for s in listed("kernel_setting") if s.node.name == "compute01"}
    assert found["net.bridge.bridge-nf-call-iptables"] == "1"
    assert "net.bridge.bridge-nf-call-iptables" not in {
        s.key for s in listed("kernel_setting") if s.node.name == "controller01"
    }


def test_database_settings_are_spelled_as_the_server_tells_them(listed):
    found = {s.key: s.value for s in listed("database_setting") if s.node.name == "controller01"}
    assert (found["skip_name_resolve"], found["bind_address"]) == ("ON", "172.16.181.31")
    assert found["wsrep_provider_options"].startswith("gmcast.listen_addr=")
    assert "user" not in found


@pytest.mark.parametrize("profile", PROFILES)
def test_files_are_all_that_the_site_renders(listed, site_of, profile):
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
def test_one_step_puts_all_files_of_a_folder_owned_whole_and_none_lies_there_by_chance(listed, site_of, profile):
    site = site_of(profile)
    for folder in listed("whole_folder", profile):
        steps = {
            step.name: {file.path for file in site.render(folder.node, site.services(step.name, folder.node))}
            for step in site.catalogue.projects
        }
        within = {name: {p for p in paths if p.startswith(f"{folder.path}/")} for name, paths in steps.items()}
        assert [paths for paths in within.values() if paths] == [set(folder.files)]
