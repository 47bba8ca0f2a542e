"""RPC: every server of a topic consumes its queues and answers, so that a service that is alive also works."""

from contextlib import suppress

import pytest

from deploy.errors import HostUnreachable
from deploy.facts import rpc

pytestmark = pytest.mark.own

LOOK = "rabbitmqctl list_queues name consumers messages, rabbitmqctl list_consumers"
UNKNOWN = "not known: RabbitMQ does not answer"


def served(readings):
    """The queues of all RPC servers, asked once for each virtual host; without those of which no host can tell."""
    queues: dict[str, set[str]] = {}
    for service, node in servers(readings.site):
        account = readings.site.catalogue.project(service.project).queue
        queues.setdefault(account, set()).update(queues_of(service, node))
    return {name: each for account, names in queues.items() for name, each in asked(readings, account, names).items()}


def asked(readings, account, queues):
    """Those queues, asked with that project's configuration; empty where no host of RabbitMQ can tell."""
    # The first hosts answer most other questions, so the last is asked first.
    for node in reversed(readings.members("rabbitmq")):
        with suppress(HostUnreachable):
            if found := rpc.served(readings.reader(node), f"/etc/{account}/{account}.conf", queues):
                return found
    return {}


def servers(site):
    """Each service with RPC servers, and a node of it."""
    services = [service for service in site.catalogue.services if service.topics]
    return [(service, node) for service in services for node in site.cluster.role(*service.roles)]


def queues_of(service, node):
    return [*service.topics, *(service.queue(topic, node.name) for topic in service.topics)]


def test_every_process_of_the_server_answers(readings, rpc_server, expect):
    found = served(readings)
    for topic in rpc_server.service.topics:
        queue = rpc_server.service.queue(topic, rpc_server.node.name)
        expect.that(
            f"processes that serve the queue {queue}",
            queue in found and found[queue].answers == found[queue].consumers > 0,
            seen=found.get(queue, UNKNOWN),
            expected="at least one, and each answers a ping",
            look=f"journalctl -u {rpc_server.name}; {LOOK}",
        )


def test_every_host_serves_the_topic(readings, rpc_topic, expect):
    found = served(readings)
    hosts = {queue for queue in found if queue.startswith(f"{rpc_topic}.")}
    shared = found.get(rpc_topic)
    expect.that(
        f"processes that serve the queue {rpc_topic}, which all hosts share",
        shared is not None and shared.answers == shared.consumers >= len(hosts) > 0,
        seen=shared or UNKNOWN,
        expected="at least one on each host, and each answers a ping",
        look=LOOK,
    )
