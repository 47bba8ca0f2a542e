"""RabbitMQ: one cluster of all members, whole, every queue replicated, and nobody with a password all know."""

import re

import pytest

from deploy.errors import CommandFailed
from deploy.facts import rabbitmq
from deploy.facts.rabbitmq import Member

LOOK = "rabbitmqctl cluster_status"
FILES = 65536
"""Files a member may open: what RabbitMQ's production checklist asks for."""
TRANSIENT = re.compile(r"reply_|.*_fanout_")
"""Queues for answers and broadcasts: oslo.messaging makes them anew when it connects again, and replicates none."""
EVERYTHING = (".*", ".*", ".*")


def broker(readings):
    """The cluster as the first member that answers tells it; CommandFailed where none does."""
    for node in readings.members("rabbitmq"):
        seen = rabbitmq.broker(readings.reader(node), readings.site.catalogue["rabbitmq"].internals)
        if seen.members:
            return seen
    raise CommandFailed("RabbitMQ: no member tells its cluster", hint=f"{LOOK} on each")


def member(readings, rabbitmq_host):
    return broker(readings).members.get(f"rabbit@{rabbitmq_host.name}", Member())


def test_it_is_a_member_that_runs(readings, rabbitmq_host, expect):
    seen = member(readings, rabbitmq_host)
    expect.that("its member", seen.running, seen="not there, or down", expected="running", look=LOOK)
    expect("its member's kind", seen.kind, "disc", LOOK)


def test_there_is_no_other_member(readings, expect):
    names = {f"rabbit@{node.name}" for node in readings.members("rabbitmq")}
    expect("members that the inventory does not name", set(broker(readings).members) - names, set(), LOOK)


def test_it_sees_no_partition(readings, rabbitmq_host, expect):
    expect("members it is parted from", member(readings, rabbitmq_host).partitions, (), LOOK)


def test_it_has_no_alarm(readings, rabbitmq_host, expect):
    expect("alarms, which stop all publishers", member(readings, rabbitmq_host).alarms, (), LOOK)


@pytest.mark.needs("ha")
def test_a_minority_pauses(readings, rabbitmq_host, expect):
    seen = member(readings, rabbitmq_host).handling
    expect("cluster_partition_handling", seen, "pause_minority", "/etc/rabbitmq/rabbitmq.conf")


def test_it_may_open_enough_files(host, rabbitmq_host, standing, expect):
    unit = standing.catalogue["rabbitmq"].unit
    own, machine = limits(host, unit)
    # A lab host's processes may open as many as the machine it runs on allows any, and no more.
    enough = min(FILES, machine) if standing.cluster.lab else FILES
    expect.that(
        "files it may open", own >= enough, seen=own, expected=f"at least {enough}", look=f"LimitNOFILE of {unit}"
    )


def limits(host, unit):
    """How many files the unit's main process may open, and how many process 1."""
    read = "awk '/^Max open files/ { print $4 }' /proc/$(systemctl show -P MainPID %s)/limits /proc/1/limits"
    told = host.run(read, unit).stdout.split()
    return tuple(map(int, told)) if len(told) == 2 else (0, 0)


@pytest.mark.needs("ha")
def test_it_keeps_a_copy_of_every_quorum_queue(readings, rabbitmq_host, expect):
    queues = broker(readings).queues
    without = sorted(
        name
        for name, queue in queues.items()
        if queue.kind == "quorum" and f"rabbit@{rabbitmq_host.name}" not in queue.online
    )
    expect("quorum queues without a running copy here", without, [], "rabbitmqctl list_queues name type members online")


@pytest.mark.needs("ha")
def test_every_queue_is_replicated(readings, expect):
    queues = broker(readings).queues
    others = {
        name: queue.kind
        for name, queue in sorted(queues.items())
        if queue.kind != "quorum" and not queue.exclusive and not TRANSIENT.match(name)
    }
    expect("queues on one member only", others, {}, "rabbit_quorum_queue and amqp_durable_queues of the services")


def test_nobody_listens_to_a_queue_that_is_gone(readings, expect):
    seen = broker(readings).deaf
    expect.that(
        "clients that listen to a queue which is gone",
        seen == (),
        seen="not to be told: a queue or a member does not answer" if seen is None else ", ".join(seen),
        expected="none; after a member has left, rabbitmq-watch sends them away within a minute, and they come back",
        look="rabbitmqctl list_connections name pid; rabbitmqctl close_connection PID",
    )


@pytest.mark.project("nova")
def test_there_are_queues(readings, expect):
    expect.that(
        "the services' queues",
        bool(broker(readings).queues),
        seen="none",
        expected="some: services connect to this cluster",
        look="rabbitmqctl list_queues, transport_url of the services",
    )


def test_no_policy_mirrors_classic_queues(readings, expect):
    expect("policies with ha-mode", broker(readings).mirrored, (), "rabbitmqctl list_policies")


@pytest.mark.own
def test_there_is_no_user_but_ours(readings, expect):
    expect(
        "users, with their tags",
        broker(readings).users,
        {"openstack": ("monitoring",)},
        "rabbitmqctl list_users",
    )


def test_the_services_may_use_their_queues(readings, expect):
    seen = broker(readings).permissions.get(("openstack", "/"))
    expect("what openstack may configure, write and read", seen, EVERYTHING, "rabbitmqctl list_permissions")


def test_guest_may_come_from_the_member_itself_only(readings, rabbitmq_host, expect):
    there = "guest" in broker(readings).users
    seen = member(readings, rabbitmq_host).loopback_users
    expect.that(
        "guest", not there or "guest" in seen, seen="anybody", expected="gone, or loopback only", look="loopback_users"
    )


def whoami(standing, rabbitmq_host):
    return standing.addresses.at(rabbitmq_host, "rabbitmq", "management").url("/api/whoami")


def test_guest_is_refused_from_afar(page, rabbitmq_host, standing, expect):
    seen = page(whoami(standing, rabbitmq_host), user="guest", password="guest")
    expect.that("guest with its default password", seen.status != 200, seen="let in", expected="refused", look=LOOK)


@pytest.mark.own
def test_it_lets_the_services_in(page, rabbitmq_host, standing, expect):
    password = standing.secrets["rabbitmq.openstack"]
    seen = page(whoami(standing, rabbitmq_host), user="openstack", password=password)
    expect("what it answers openstack", seen.status, 200, "journalctl -u rabbitmq-server")
