"""The tables of `deploy catalogue`: complete, and at most 120 columns wide."""

import pytest

from deploy import __main__ as command
from deploy import catalogue, inventory
from deploy.catalogue import tables
from deploy.host import Host

PROFILES = ("lab", "lab-small", "two-node", "production.example")


@pytest.fixture(params=PROFILES)
def cluster(request):
    return inventory.load(request.param)


@pytest.fixture
def known(cluster):
    return catalogue.load().of(cluster)


def test_no_line_is_too_wide(cluster, known):
    assert [line for line in tables.lines(cluster, known) if len(line) > tables.WIDTH] == []


def test_every_service_has_a_line_for_each_of_its_roles(cluster, known):
    found = {(role, name) for role, name, *_ in tables.by_role(cluster, known)}
    there = {role for node in cluster.nodes for role in node.roles}
    assert found == {(role, service.name) for service in known.services for role in service.roles if role in there}


def test_every_port_is_listed_with_all_its_hosts(cluster, known):
    rows = list(tables.by_host(cluster, known))
    hosts = {host for row in rows for host in row[0].split(", ")}
    assert hosts <= {node.name for node in cluster.nodes}
    for service in known.services:
        for port in {service.port, *(each.port for each in service.ports)} - {None}:
            names = ", ".join(node.name for node in cluster.nodes if service.on(node))
            assert any(row[3] == service.name and row[1].startswith(str(port)) for row in rows), names


def test_haproxy_has_a_row_for_each_service_at_the_vip():
    lab = inventory.load("lab")
    rows = [row for row in tables.by_host(lab, catalogue.load().of(lab)) if row[3] == "haproxy"]
    assert {row[2] for row in rows} == {"VIP"}
    assert ("5000", "clients of keystone") in {(row[1], row[4]) for row in rows}


def test_budgets_are_listed_by_class_of_fault_and_seconds():
    found = list(tables.by_fault({"a": {"node-loss": 5, "moved": 1}, "b": {"node-loss": 0.5}, "c": {"node-loss": 5}}))
    assert found == [("node-loss", "0.5", "b"), ("node-loss", "5", "a, c"), ("moved", "1", "a")]


def test_last_column_wraps_below_itself():
    first, second, third = tables.table(("a", "b"), [("one", "word " * 30)])
    assert (first, second[:5], third[:9]) == ("a    b", "one  ", "     word")


def test_catalogue_command_contacts_no_host(monkeypatch, capsys):
    monkeypatch.setattr(Host, "_execute", lambda *_: pytest.fail("a host was asked"))
    assert command.main(["catalogue", "--inventory", "production.example"]) == 0
    printed = capsys.readouterr().out
    assert [title for title in ("services by role", "ports by host", "budgets by class") if title not in printed] == []
