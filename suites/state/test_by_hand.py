"""Settings that a client changes in a running service, and that no file shows: each is as the build left it."""

import pytest

from deploy.facts import etcd, galera, haproxy, rabbitmq, settings

pytestmark = pytest.mark.own

LEVEL = "info"
"""The least severe level that a member of RabbitMQ logs; its default."""


# -- the database ----------------------------------------------------------------------------------


def test_no_global_variable_was_set_by_hand(reader, galera_host, together, standing, expect):
    """Such as read_only, wsrep_desync or general_log; test_galera judges the variables that are in our own file."""
    path = standing.catalogue["galera"].paths["config"]
    read = together({"by hand": lambda: galera.by_hand(reader), "file": lambda: settings.read(reader, path)})
    ours = {key.partition(".")[2].replace("-", "_") for key in read["file"]}
    changed = read["by hand"]
    expect.that(
        "variables that a client set with SET GLOBAL",
        changed is not None and changed.keys() <= ours,
        seen="unknown: no answer" if changed is None else _values(changed, ours),
        expected="none that differs from its default",
        look="information_schema.system_variables; SET GLOBAL VARIABLE = DEFAULT ends it",
    )


def _values(changed, ours):
    """Each variable with its value and its default; without them where they may hold a password."""
    return {
        name: "set" if "auth" in name else f"{each.value}, default {each.default or 'empty'}"
        for name, each in changed.items()
        if name not in ours
    }


# -- HAProxy ---------------------------------------------------------------------------------------


@pytest.mark.needs("ha")
def test_server_has_its_address_and_weight_in_every_haproxy(everywhere, server, cluster, standing, expect):
    """A server of weight 0 is up, and gets no request."""
    told = everywhere(haproxy.targets, service="haproxy")
    address = str(cluster.node(server.server).management)
    port = str(standing.catalogue[server.proxy].port)
    found = {name: targets.get((server.proxy, server.server)) for name, targets in told.items()}
    wrong = {name: seen for name, seen in found.items() if not seen or not _is_ours(seen, address, port)}
    expect.that(
        f"{server.proxy} on {server.server}, by HAProxy",
        not wrong,
        seen={name: seen or "no answer, or not listed" for name, seen in wrong.items()},
        expected=f"{address}:{port} with the weight of the configuration",
        look=f"show servers state at {haproxy.SOCKET}; a reload of HAProxy ends it",
    )


def _is_ours(seen, address, port):
    return (seen.address, seen.port, seen.weight) == (address, port, seen.configured)


# -- RabbitMQ --------------------------------------------------------------------------------------


def test_queue_has_no_policy_parameter_or_host_of_an_operator(reader, rabbitmq_host, standing, expect):
    found = rabbitmq.runtime(reader)
    hosts = tuple(sorted(("/", *standing.catalogue.queues)))
    expect.that(
        "policies, parameters and virtual hosts",
        found is not None and (found.hosts, found.policies, found.parameters) == (hosts, (), ()),
        seen="unknown: no answer" if found is None else [*found.hosts, *found.policies, *found.parameters],
        expected=f"the virtual hosts {', '.join(hosts)} and nothing else",
        look="rabbitmqctl list_policies, list_operator_policies, list_parameters, list_global_parameters, list_vhosts",
    )


def test_member_is_not_in_maintenance(reader, rabbitmq_host, expect):
    found = rabbitmq.runtime(reader)
    expect.that(
        "the member",
        found is not None and not found.drained,
        seen="unknown: no answer" if found is None else "drained",
        expected="takes connections of clients",
        look="rabbitmq-diagnostics status; rabbitmq-upgrade revive ends it",
    )


def test_member_logs_at_its_usual_level(reader, rabbitmq_host, expect):
    found = rabbitmq.runtime(reader)
    seen = "unknown: no answer" if found is None else found.level
    expect("the least severe level that it logs", seen, LEVEL, f"rabbitmqctl set_log_level {LEVEL} ends it")


# -- etcd ------------------------------------------------------------------------------------------


@pytest.mark.project("etcd")
def test_registered_members_are_those_of_the_inventory(readings, etcd_host, reader, standing, expect):
    found = etcd.registered(reader, str(standing.addresses.at(etcd_host, "etcd")))
    members = {entry.name or " ".join(entry.urls): "learner" if entry.learner else "member" for entry in found}
    wanted = {node.name: "member" for node in readings.members("etcd")}
    expect("members that etcd lists", members, wanted, "etcdctl member list; etcdctl member remove ID")


@pytest.mark.project("etcd")
def test_etcd_has_no_account(reader, etcd_host, standing, expect):
    found = etcd.accounts(reader, str(standing.addresses.at(etcd_host, "etcd")))
    expect("users and roles", found, [], "etcdctl user list, etcdctl role list; clients have certificates")
