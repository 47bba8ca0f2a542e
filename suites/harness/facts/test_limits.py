"""Facts of limits: of the kernel, of processes and units, of connections, of RabbitMQ and of etcd."""

import json
import os
import resource

import pytest

from deploy.facts import broker, connections, limits, quota
from deploy.facts.broker import BrokerUse
from deploy.facts.connections import Database, Proxy
from deploy.facts.limits import Processes, Use
from fixtures.prechecks import ThisMachine

HERE = ThisMachine()
GARBAGE = ["", "\n", "garbage", "a:b", "open 1", "process 1", "{}", "[]", '{"limits": 1}', "a\tb", "a: b", "etcd_ x"]
ROUTER = "tracked connections of qrouter-1"


def test_a_use_exceeds_a_part_of_its_limit():
    assert not Use(80, 100).exceeds(0.8)
    assert Use(81, 100).exceeds(0.8)
    assert Use(0, 0).exceeds(0.8) is False


# -- the kernel ----------------------------------------------------------------------------------------


def test_the_kernel_s_limits(recording):
    found = limits.parse_kernel(recording("limits", "kernel"))
    assert found["open files"] == Use(8419, 2466183)
    assert found["tasks"] == Use(954, 192731)
    assert found["asynchronous I/O requests"] == Use(0, 65536)
    assert found["tracked connections"] == Use(41, 262144)


def test_network_namespaces_have_connections_of_their_own(recording):
    text = recording("limits", "kernel")
    found = limits.parse_kernel(f"{text}\nnamespace:qrouter-1 -\ncounted:qrouter-1 250000\nstill:qrouter-1\n")
    assert found[ROUTER] == Use(250000, 262144)
    assert len([name for name in found if name.startswith("tracked connections of qdhcp-")]) == 2


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (
            "namespace:qrouter-1 7\n/proc/7/net/stat/nf_conntrack:entries x\n/proc/7/net/stat/nf_conntrack:0003e800 0",
            256000,
        ),
        ("namespace:qrouter-1 7", None),
        ("namespace:qrouter-1 7\n/proc/7/net/stat/nf_conntrack:entries x", None),
        ("namespace:qrouter-1 -\ncounted:qrouter-1 ", None),
    ],
)
def test_a_namespace_whose_connections_were_not_counted_is_not_known(recording, lines, seen):
    found = limits.parse_kernel(f"{recording('limits', 'kernel')}\n{lines}\nstill:qrouter-1\n")
    assert found[ROUTER] == (Use(seen, 262144) if seen else None)


def test_a_namespace_that_was_deleted_meanwhile_is_left_out(recording):
    assert ROUTER not in limits.parse_kernel(f"{recording('limits', 'kernel')}\nnamespace:qrouter-1 -\n")


def test_a_table_of_neighbours_is_counted_in_hexadecimal():
    entries = "/proc/net/stat/arp_cache:entries allocs\n/proc/net/stat/arp_cache:000003a0 1\n"
    limit = "/proc/sys/net/ipv4/neigh/default/gc_thresh3:1024\n"
    assert limits.parse_kernel(entries + limit)["ARP neighbours"] == Use(928, 1024)
    assert limits.parse_kernel(entries)["ARP neighbours"] is None
    assert limits.parse_kernel(limit)["ARP neighbours"] is None


@pytest.mark.parametrize("text", GARBAGE)
def test_a_kernel_that_says_nothing_has_unknown_limits(text):
    assert limits.parse_kernel(text) == dict.fromkeys(limits.ALWAYS)


def test_the_smaller_of_two_limits_on_tasks_counts(recording):
    text = recording("limits", "kernel").replace("pid_max:4194304", "pid_max:1000")
    assert limits.parse_kernel(text)["tasks"] == Use(954, 1000)
    assert limits.parse_kernel(text.replace("pid_max", "gone"))["tasks"] is None


def test_the_kernel_of_this_machine_has_every_limit():
    assert all(limits.kernel(HERE)[name] for name in limits.ALWAYS)


# -- processes and units -------------------------------------------------------------------------------


def test_processes_with_their_open_files_and_threads(recording):
    found = limits.parse_processes(recording("limits", "processes"))
    database = next(each for each in found.running.values() if each.name == "mariadbd")
    assert database.unit == "mariadb.service"
    assert database.files.allowed == 20000
    assert database.files.used > 500
    assert found.is_complete
    assert found.tasks_max == {"mariadb.service": 190803, "rabbitmq-server.service": 28909, "pacemaker.service": None}


def test_tasks_of_a_unit_are_the_threads_of_its_processes(recording):
    found = limits.parse_processes(recording("limits", "processes"))
    of_unit = [each.threads for each in found.running.values() if each.unit == "rabbitmq-server.service"]
    assert len(of_unit) > 1
    assert found.tasks()["rabbitmq-server.service"] == Use(sum(of_unit), 28909)
    assert "pacemaker.service" not in found.tasks()


@pytest.mark.parametrize("text", GARBAGE)
def test_unreadable_output_lists_no_process(text):
    assert limits.parse_processes(text) == Processes()
    assert not limits.parse_processes(text).is_complete


def test_a_reading_that_counted_no_file_of_process_1_is_incomplete(recording):
    text = recording("limits", "processes")
    first = next(line for line in text.splitlines() if line.startswith("open 1 "))
    assert not limits.parse_processes(text.replace(first, "open 1 0")).is_complete


def test_open_files_of_this_process_are_counted():
    found = limits.processes(HERE, []).running[os.getpid()].files
    assert found.allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert abs(found.used - len(os.listdir("/proc/self/fd"))) <= 8


# -- connections ---------------------------------------------------------------------------------------


def test_connections_of_the_database(recording):
    found = connections.parse_database(recording("connections", "database"))
    assert found == Database(Use(178, 2000), Use(184, 2000), 0, {})


def test_an_account_s_own_limit_goes_before_the_common_one(recording):
    text = recording("connections", "database").replace("max_user_connections\t0", "max_user_connections\t100")
    found = connections.parse_database(f"{text}\nopen\tnova\t90\nlimit\tnova\t95\nlimit\tabsent\t5\n")
    assert found.accounts["nova"] == Use(90, 95)
    assert found.accounts["absent"] == Use(0, 5)
    assert found.accounts["glance"].allowed == 100


def test_refused_clients_are_counted(recording):
    text = recording("connections", "database").replace("max_connections\t0", "max_connections\t3")
    assert connections.parse_database(text).refused == 3


@pytest.mark.parametrize("text", [*GARBAGE, "Threads_connected\t5\n", "max_connections\t2000\n"])
def test_a_database_that_does_not_answer_has_no_connections(text):
    assert connections.parse_database(text) == Database()


def test_connections_of_the_proxy(recording):
    found = connections.parse_proxy(recording("connections", "info"), recording("connections", "statistics"))
    assert found.whole == Use(0, 4000)
    assert set(found.frontends.values()) == {Use(0, 4000)}
    assert found.waiting["keystone"] == Use(0, 6)
    assert "galera" not in found.waiting


def test_clients_and_waiting_requests_of_a_busy_proxy_are_counted(recording):
    edits = {"keystone,FRONTEND,,,0,": "keystone,FRONTEND,,,3900,", "keystone,BACKEND,0,": "keystone,BACKEND,70,"}
    statistics = recording("connections", "statistics")
    for old, new in edits.items():
        assert old in statistics
        statistics = statistics.replace(old, new)
    found = connections.parse_proxy(
        recording("connections", "info").replace("CurrConns: 0", "CurrConns: 3950"), statistics
    )
    assert found.whole == Use(3950, 4000)
    assert found.frontends["keystone"] == Use(3900, 4000)
    assert found.waiting["keystone"] == Use(70, 6)


@pytest.mark.parametrize("text", GARBAGE)
def test_a_proxy_that_does_not_answer_has_no_connections(recording, text):
    assert connections.parse_proxy(text, recording("connections", "statistics")) == Proxy()
    assert connections.parse_proxy(recording("connections", "info"), text) == Proxy()


# -- RabbitMQ and etcd ---------------------------------------------------------------------------------


def test_resources_of_a_queue_member(recording):
    found = broker.parse(recording("broker", "idle"))
    assert found.limits["memory"] == Use(181272576, 5055302860)
    assert found.limits["disk"] == Use(200000000, 9942302720)
    assert found.limits.keys() == {"memory", "disk", "processes", "ports"}
    assert found.messages == {}


def test_messages_that_wait_in_queues(recording):
    fields = json.loads(recording("broker", "idle")) | {"queues": [{"name": "reply_1", "messages": 1001}]}
    assert broker.parse(json.dumps(fields)).messages == {"reply_1": 1001}
    assert broker.parse(json.dumps(fields | {"counts": False})).messages is None


@pytest.mark.parametrize("value", ["unknown", None, "NaN"])
def test_a_member_that_does_not_know_its_free_disk_is_not_known(recording, value):
    fields = json.loads(recording("broker", "idle"))
    fields["limits"]["disk"][1] = value
    assert broker.parse(json.dumps(fields)) == BrokerUse()


@pytest.mark.parametrize("text", GARBAGE)
def test_a_member_that_does_not_answer_has_no_resources(text):
    assert broker.parse(text) == BrokerUse()


def test_the_size_of_the_store_and_its_quota(recording):
    found = quota.parse(recording("quota", "metrics"))
    assert found
    assert found.allowed == 2 * 2**30
    assert 0 < found.used < 2**30


@pytest.mark.parametrize(
    "text", [*GARBAGE, "etcd_mvcc_db_total_size_in_bytes 5", "etcd_server_quota_backend_bytes NaN"]
)
def test_a_store_without_metrics_is_not_known(text):
    assert quota.parse(text) is None
