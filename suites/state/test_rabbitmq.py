"""RabbitMQ: one cluster of all members, without partitions, with every queue replicated and no default password."""

import re

import pytest

from deploy.errors import CommandFailed
from deploy.facts import rabbitmq
from deploy.facts.queue_accounts import EVERYTHING, MONITOR
from deploy.facts.rabbitmq import Member

LOOK = "rabbitmqctl cluster_status"
ACCOUNTS = "rabbitmqctl list_users, list_permissions -p VIRTUAL_HOST"
FILES = 65536
"""Files a member must be able to open; source: RabbitMQ's production checklist."""
TRANSIENT = re.compile(r"(?:[^/]*/)?(?:reply_|.*_fanout_)")
"""Queues for replies and broadcasts: oslo.messaging recreates them when it reconnects, and replicates none."""


def broker(readings):
    """The cluster's status, reported by the first member that answers; CommandFailed where none does."""
    for node in readings.members("rabbitmq"):
        status = rabbitmq.broker(readings.reader(node), readings.site.catalogue["rabbitmq"].internals)
        if status.members:
            return status
    raise CommandFailed("RabbitMQ: no member reports the cluster's status", hint=f"{LOOK} on each member")


def member(readings, rabbitmq_host):
    return broker(readings).members.get(f"rabbit@{rabbitmq_host.name}", Member())


def known(readings, rabbitmq_host, expect):
    """The member's status, as it answers another member; red where it does not answer."""
    return expect.known("the member's status", member(readings, rabbitmq_host), LOOK)


def test_member_is_running(readings, rabbitmq_host, expect):
    own = member(readings, rabbitmq_host)
    expect.that("the member", own.running, seen="not in the cluster, or down", expected="running", look=LOOK)
    expect("the member's node type", own.kind, "disc", LOOK)


def test_no_unknown_member_exists(readings, expect):
    names = {f"rabbit@{node.name}" for node in readings.members("rabbitmq")}
    expect("members that are not in the inventory", set(broker(readings).members) - names, set(), LOOK)


def test_member_reports_no_partition(readings, rabbitmq_host, expect):
    partitions = known(readings, rabbitmq_host, expect).partitions
    expect("members from which it is partitioned", partitions, (), LOOK)


def test_member_has_no_alarm(readings, rabbitmq_host, expect):
    alarms = known(readings, rabbitmq_host, expect).alarms
    expect("alarms; an alarm blocks all publishers", alarms, (), LOOK)


@pytest.mark.needs("ha")
def test_member_pauses_in_a_minority(readings, rabbitmq_host, expect):
    handling = member(readings, rabbitmq_host).handling
    expect("cluster_partition_handling", handling, "pause_minority", "/etc/rabbitmq/rabbitmq.conf")


def test_file_limit_is_high_enough(host, rabbitmq_host, standing, expect):
    unit = standing.catalogue["rabbitmq"].unit
    own, machine = limits(host, unit)
    # A lab host is a container: its limit cannot exceed the limit of the machine that runs it.
    enough = min(FILES, machine) if standing.cluster.lab else FILES
    expect.that(
        "files the member may open",
        own >= enough > 0,
        seen=own or "not known: no limit of the member, or of process 1",
        expected=f"at least {enough}",
        look=f"LimitNOFILE of {unit}",
    )


def limits(host, unit):
    """The numbers of files that the unit's main process and process 1 may open; (0, 0) where they cannot be read."""
    read = "awk '/^Max open files/ { print $4 }' /proc/$(systemctl show -P MainPID %s)/limits /proc/1/limits"
    numbers = host.run(read, unit).stdout.split()
    return tuple(map(int, numbers)) if len(numbers) == 2 else (0, 0)


@pytest.mark.needs("ha")
def test_member_has_a_replica_of_every_quorum_queue(readings, rabbitmq_host, expect):
    queues = broker(readings).queues
    without = sorted(
        name
        for name, queue in queues.items()
        if queue.kind == "quorum" and f"rabbit@{rabbitmq_host.name}" not in queue.online
    )
    expect(
        "quorum queues without a running replica on this host",
        without,
        [],
        "rabbitmqctl list_queues name type members online",
    )


@pytest.mark.needs("ha")
def test_every_queue_is_replicated(readings, expect):
    queues = broker(readings).queues
    others = {
        name: queue.kind
        for name, queue in sorted(queues.items())
        if queue.kind != "quorum" and not queue.exclusive and not TRANSIENT.match(name)
    }
    expect("queues on one member only", others, {}, "rabbit_quorum_queue and amqp_durable_queues of the services")


def test_no_client_consumes_from_a_deleted_queue(readings, expect):
    deaf = broker(readings).deaf
    expect.that(
        "clients that consume from a deleted queue",
        deaf == (),
        seen="unknown: a queue or a member does not answer" if deaf is None else ", ".join(deaf),
        expected="none; after a member's loss, rabbitmq-watch disconnects such clients within a minute; they reconnect",
        look="rabbitmqctl list_connections name pid; rabbitmqctl close_connection PID",
    )


@pytest.mark.project("nova")
def test_services_have_queues(readings, expect):
    expect.that(
        "the services' queues",
        bool(broker(readings).queues),
        seen="none",
        expected="queues, which show that the services use this cluster",
        look="rabbitmqctl list_queues, transport_url of the services",
    )


def test_no_policy_mirrors_classic_queues(readings, expect):
    expect("policies with ha-mode", broker(readings).mirrored, (), "rabbitmqctl list_policies")


@pytest.mark.own
def test_each_project_has_its_account_and_nobody_else_has_one(readings, standing, expect):
    projects = dict.fromkeys(standing.catalogue.queues, ())
    expect("accounts, with their tags", broker(readings).users, {MONITOR: ("monitoring",), **projects}, ACCOUNTS)


@pytest.mark.own
def test_each_account_has_rights_on_its_virtual_host_and_nowhere_else(readings, standing, expect):
    wanted = {(name, name): EVERYTHING for name in standing.catalogue.queues}
    expect(
        "what each account may configure, write and read, by virtual host",
        broker(readings).permissions,
        wanted,
        ACCOUNTS,
    )


@pytest.mark.own
@pytest.mark.project("nova")
def test_no_queue_is_outside_the_projects_virtual_hosts(readings, standing, expect):
    queues = expect.known("queues", broker(readings).queues, "rabbitmqctl list_queues")
    others = sorted(name for name in queues if name.partition("/")[0] not in standing.catalogue.queues)
    expect("queues in other virtual hosts than those of projects", others, [], "rabbitmqctl list_queues -p /")


def test_guest_is_limited_to_loopback(readings, rabbitmq_host, expect):
    exists = "guest" in broker(readings).users
    limited = known(readings, rabbitmq_host, expect).loopback_users
    expect.that(
        "user guest",
        not exists or "guest" in limited,
        seen="may connect from any address",
        expected="removed, or limited to loopback",
        look="loopback_users in rabbitmq.conf",
    )


def whoami(standing, rabbitmq_host):
    return standing.addresses.at(rabbitmq_host, "rabbitmq", "management").url("/api/whoami")


def test_guest_is_refused_over_the_network(page, rabbitmq_host, standing, expect):
    answer = page(whoami(standing, rabbitmq_host), user="guest", password="guest")
    expect("status for user guest with its default password", answer.status or answer.text, 401, LOOK)


@pytest.mark.own
def test_monitor_signs_in(page, rabbitmq_host, standing, expect):
    answer = page(whoami(standing, rabbitmq_host), user=MONITOR, password=standing.secrets[f"rabbitmq.{MONITOR}"])
    expect(f"the management API's status for {MONITOR}", answer.status, 200, "journalctl -u rabbitmq-server")


@pytest.mark.own
def test_account_of_a_project_has_no_access_to_the_management(page, rabbitmq_host, standing, expect):
    names = standing.catalogue.queues
    url = whoami(standing, rabbitmq_host)
    seen = {name: page(url, user=name, password=standing.secrets[f"rabbitmq.{name}"]).status for name in names}
    expect("the management API's status for the projects' accounts", seen, dict.fromkeys(names, 401), ACCOUNTS)
