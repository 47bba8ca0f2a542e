"""Accounts of RabbitMQ: made with the rights of their project, mended, and removed where nobody needs them."""

from types import SimpleNamespace

import pytest

from deploy.facts import queue_accounts
from deploy.facts.queue_accounts import EVERYTHING, Account, Accounts
from deploy.making import queue

OWN = Account(rights={"nova": EVERYTHING})
HOSTS = frozenset({"/", "nova"})


@pytest.fixture
def build(monkeypatch):
    """Call a function for a cluster with those accounts; return what it changed: what and script."""

    def run(known: Accounts, function, *given: object) -> list[tuple[str, str]]:
        done: list[tuple[str, str]] = []
        host = SimpleNamespace(name="controller01", change=lambda what, script, **_: done.append((what, script)))
        site = SimpleNamespace(
            every=SimpleNamespace(queues=("nova", "neutron")),
            catalogue=SimpleNamespace(queues=("neutron",)),
            members=lambda _: SimpleNamespace(first=host),
            secrets={"rabbitmq.nova": "s3", "rabbitmq.monitor": "s4"},
        )
        monkeypatch.setattr(queue_accounts, "read", lambda _: known)
        function(site, *given)
        return done

    return run


def test_an_account_has_a_virtual_host_and_rights_nowhere_else(build):
    ((what, script),) = build(Accounts({}, frozenset({"/"})), queue.ensure, SimpleNamespace(queue="nova"))
    assert what == "set up the queue account nova"
    assert script.splitlines() == [
        "printf '%s\\n' s3 | rabbitmqctl -q add_user nova ||",
        "  printf '%s\\n' s3 | rabbitmqctl -q change_password nova",
        "",
        "rabbitmqctl -q add_vhost nova </dev/null",
        "rabbitmqctl -q set_permissions -p nova nova '.*' '.*' '.*' </dev/null",
        "rabbitmqctl -q set_user_tags nova  </dev/null",
    ]


def test_a_project_that_does_not_talk_over_rabbitmq_has_no_account(build):
    assert build(Accounts({}, HOSTS), queue.ensure, SimpleNamespace(queue="")) == []


def test_an_account_that_is_as_wanted_is_left_alone(build):
    known = Accounts({"nova": Account(rights={"nova": EVERYTHING}, connections=9)}, HOSTS)
    assert build(known, queue.account, "nova", OWN) == []


@pytest.mark.parametrize(
    ("there", "line"),
    [
        (Account(), "set_permissions -p nova nova"),
        (Account(rights={"nova": EVERYTHING, "/": EVERYTHING}), "clear_permissions -p / nova "),
        (Account(("administrator",), {"nova": EVERYTHING}), "set_user_tags nova  <"),
        (Account(rights={"nova": ("", ".*", ".*")}), "set_permissions -p nova nova '.*' '.*' '.*'"),
    ],
    ids=["half made", "rights elsewhere", "tags", "fewer rights"],
)
def test_an_account_that_is_otherwise_is_mended(build, there, line):
    ((_, script),) = build(Accounts({"nova": there}, HOSTS), queue.account, "nova", OWN)
    assert line in script
    assert "add_vhost" not in script


def test_the_account_that_watches_has_a_tag_and_no_virtual_host(build):
    ((_, script),) = build(Accounts({}, HOSTS), queue.account, "monitor", Account(("monitoring",)))
    assert script.splitlines()[-1] == "rabbitmqctl -q set_user_tags monitor monitoring </dev/null"
    assert "set_permissions" not in script


@pytest.mark.parametrize(("connections", "removed"), [(0, 1), (1, 0)])
def test_the_earlier_account_goes_when_no_client_uses_it(build, connections, removed):
    known = Accounts({"openstack": Account(rights={"/": EVERYTHING}, connections=connections)}, HOSTS)
    assert len(build(known, queue.retire)) == removed


def test_a_new_cluster_has_no_earlier_account(build):
    assert build(Accounts({"nova": OWN}, HOSTS), queue.retire) == []


def test_the_account_of_a_removed_project_goes_with_its_virtual_host(build):
    ((_, script),) = build(Accounts({"nova": OWN, "neutron": OWN}, HOSTS), queue.forget)
    assert script.splitlines() == [
        "rabbitmqctl -q delete_vhost nova </dev/null",
        "rabbitmqctl -q delete_user nova </dev/null",
    ]
    assert build(Accounts({"neutron": OWN}, frozenset({"/", "neutron"})), queue.forget) == []
