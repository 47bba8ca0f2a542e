"""Checks of limits are red where no answer was heard, and where a limit is near, and green elsewhere."""

from types import SimpleNamespace

import pytest

from deploy import inventory
from deploy.facts import haproxy
from deploy.host import Result
from fixtures.checks.expect import Expect
from suites.state import test_limits as checks

NODE = inventory.load("lab").nodes[0]
ON_A_HOST = [
    checks.test_file_systems_have_free_space,
    checks.test_file_systems_have_free_inodes,
    checks.test_file_systems_are_writable,
    checks.test_kernel_is_below_its_limits,
    checks.test_processes_have_free_file_handles,
    checks.test_units_have_free_tasks,
    checks.test_database_has_free_connections,
    checks.test_proxy_has_free_connections,
    checks.test_no_request_waits_long_for_a_member,
    checks.test_queue_member_is_below_its_limits,
    checks.test_queues_are_short,
]


class Red(Exception):
    """A finding."""


@pytest.fixture
def outcome(site_of, recording):
    """Return the finding of a check on a host that answers with these texts; empty where it is green."""

    def judged(check, *answers):
        left = list(answers)

        def run(command, *_, **__):
            return Result("controller01", command, 0 if answers else 1, left.pop(0) if left else "", "")

        reader = SimpleNamespace(name="controller01", run=run)
        values = {"reader": reader, "node": NODE, "standing": site_of("lab"), "expect": Expect("controller01", fail)}
        names = check.__code__.co_varnames[: check.__code__.co_argcount]
        try:
            check(**{name: values.get(name, NODE) for name in names})
        except Red as finding:
            return str(finding)
        return ""

    return judged


def fail(text):
    raise Red(text)


@pytest.mark.parametrize("check", ON_A_HOST, ids=lambda check: check.__name__)
@pytest.mark.parametrize("answers", [(), ("garbage",)], ids=["no answer", "garbage"])
def test_a_limit_that_nobody_could_read_is_red(outcome, check, answers):
    assert "not known" in outcome(check, *answers)


def test_a_store_that_does_not_answer_is_red(site_of):
    silent = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=""))
    with pytest.raises(Red, match="not known"):
        checks.test_store_is_below_its_quota(silent, site_of("lab"), NODE, Expect("controller01", fail))


@pytest.fixture
def green(recording):
    """The recorded answers to each check."""
    mounts, processes = recording("mounts", "controller"), recording("limits", "processes")
    proxy = (recording("connections", "info"), recording("connections", "statistics"))
    queue = recording("broker", "idle")
    answers = [(mounts,)] * 3 + [(recording("limits", "kernel"),)] + [(processes,)] * 2
    answers += [(recording("connections", "database"),), proxy, proxy, (queue,), (queue,)]
    return dict(zip(ON_A_HOST, answers, strict=True))


@pytest.mark.parametrize("check", ON_A_HOST, ids=lambda check: check.__name__)
def test_a_host_far_from_its_limits_is_green(outcome, green, check):
    assert outcome(check, *green[check]) == ""


@pytest.mark.parametrize(
    ("check", "edit", "seen"),
    [
        (0, ("2427313 163840", "260180 163840"), "/: 1016 of 10163 free"),
        (0, ("size 617103 4096 617078 409600 409573 /tmp\n", ""), "/tmp: not known"),
        (1, ("163840 162108", "163840 16383"), "/: 16383 of 163840 free"),
        (2, ("folder y /var/lib/mysql", "folder n /var/lib/mysql"), "read-only: /var/lib/mysql"),
        (2, ("folders known", ""), "not known"),
        (3, ("nf_conntrack_max:262144", "nf_conntrack_max:50"), "tracked connections: 41 of 50"),
        (3, ("nf_conntrack_max:262144", ""), "tracked connections: not known"),
        (
            4,
            ("Max open files            4096 ", "Max open files            120 "),
            "memcached (883, memcached.service)",
        ),
        (5, ("TasksMax=28909", "TasksMax=25"), "rabbitmq-server.service"),
        (6, ("Threads_connected\t178", "Threads_connected\t1601"), "now: 1601 of 2000"),
        (6, ("Max_used_connections\t184", "Max_used_connections\t1601"), "at most so far: 1601 of 2000"),
        (6, ("max_connections\t0", "max_connections\t1"), "refused clients so far: 1"),
        (7, ("CurrConns: 0", "CurrConns: 3201"), "all clients: 3201 of 4000"),
        (9, ("200000000", "9000000000"), "disk: 9000000000 of"),
        (10, ('"queues":[]', '"queues":[{"name":"a","messages":1001}]'), "a: 1001"),
    ],
)
def test_a_limit_that_is_near_is_red(outcome, green, check, edit, seen):
    first, *rest = green[ON_A_HOST[check]]
    assert edit[0] in first
    assert seen in outcome(ON_A_HOST[check], first.replace(*edit, 1), *rest)


def test_a_process_that_lowered_its_limit_below_what_it_has_open_is_left_out(outcome, green):
    (text,) = green[checks.test_processes_have_free_file_handles]
    lowered = text.replace("Max open files            4096 ", "Max open files            1 ")
    assert outcome(checks.test_processes_have_free_file_handles, lowered) == ""


def test_requests_that_wait_for_busy_members_are_red(outcome, green):
    info, statistics = green[checks.test_no_request_waits_long_for_a_member]
    busy = statistics.replace("keystone,BACKEND,0,", "keystone,BACKEND,61,")
    assert "keystone: 61 wait for 6" in outcome(checks.test_no_request_waits_long_for_a_member, info, busy)


def test_the_statistics_are_those_that_the_checks_of_servers_read():
    """Both ask the same question, so that it travels once."""
    asked = []
    host = SimpleNamespace(run=lambda *command, **given: asked.append((command, given)) or SimpleNamespace(out=""))
    haproxy.servers(host)
    haproxy.statistics(host)
    assert asked[0] == asked[1]
