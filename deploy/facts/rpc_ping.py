"""Pings RPC servers of oslo.messaging. This script runs on a host of the cluster, whose Python has py-amqp.

Arguments: a service's configuration file, and names of queues. For each queue it prints the name, the waiting messages,
the consumers, and those that answer pings; or the name and `absent`.
"""

import json
import math
import re
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import amqp
from amqp.exceptions import AMQPError

CONNECT = 3.0
"""Seconds for a member of RabbitMQ to let in."""
DECLARE = 10.0
"""Seconds for RabbitMQ's answer about one queue. A quorum queue without a leader takes 5 s."""
TRIES, PAUSE = 4, 0.5
"""How often a queue without messages and consumers is read, and the seconds between. RabbitMQ 3.10 says 0 and 0 also
where the leader of a quorum queue needs more than 0.25 s (`rabbit_quorum_queue:stat`)."""
PINGS = 3
"""Pings for each consumer. With one, another message between two pings can keep a hanging consumer out of the turn."""
ANSWER = 10.0
"""Seconds for all answers to pings. A server that nothing keeps busy needs a tenth of a second."""


def members(text: str) -> list[dict[str, str]]:
    """Return the connection's arguments for each member that `transport_url` names."""
    found = re.search(r"^transport_url\s*=\s*\w+://([^\s/]+)/(\S*)", text, re.MULTILINE)
    named = found[1].split(",") if found else []
    host = unquote(found[2]) if found else ""
    return [_member(each, host or "/") for each in named]


def _member(text: str, virtual_host: str) -> dict[str, str]:
    account, _, address = text.rpartition("@")
    user, _, password = account.partition(":")
    return {"host": address, "userid": unquote(user), "password": unquote(password), "virtual_host": virtual_host}


def connected(accounts: Iterable[dict[str, str]]) -> Any:
    """Return a connection to the first member that lets in; SystemExit where none does."""
    for account in accounts:
        connection = amqp.Connection(**account, connect_timeout=CONNECT, read_timeout=DECLARE, write_timeout=CONNECT)
        try:
            connection.connect()
        except (OSError, AMQPError):
            continue
        return connection
    raise SystemExit("no member of RabbitMQ lets in")


def state(connection: Any, queue: str) -> tuple[int, int] | None:
    """Return the numbers of waiting messages and of consumers; None where there is no such queue."""
    found = 0, 0
    for attempt in range(TRIES):
        time.sleep(PAUSE if attempt else 0)
        with connection.channel() as channel:
            try:
                declared = channel.queue_declare(queue=queue, passive=True)
            except amqp.NotFound:
                return None
        if any(found := (declared.message_count, declared.consumer_count)):
            break
    return found


def ping(identity: str, reply_to: str) -> Any:
    """Return a call of the method that `rpc_ping_enabled` adds to every server, in oslo.messaging's envelope."""
    call: dict[str, object] = {"method": "oslo_rpc_server_ping", "args": {}, "version": "1.0"}
    call |= {"_context_read_deleted": "no"}  # Cinder handles no message without it
    call |= {"_msg_id": identity, "_reply_q": reply_to, "_timeout": None, "_unique_id": uuid.uuid4().hex}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(call)})
    # RabbitMQ drops a ping that no server took in time, so that pings of a dead server do not pile up.
    expires = str(int(ANSWER * 1000))
    return amqp.Message(body, content_type="application/json", content_encoding="utf-8", expiration=expires)


def answer(body: str) -> tuple[str, bool]:
    """Return the identity of the ping that a reply answers, and whether the server replied `pong`."""
    reply = json.loads(json.loads(body)["oslo.message"])
    return str(reply.get("_msg_id", "")), reply.get("result") == "pong"


def answered(connection: Any, consumers: dict[str, int]) -> dict[str, int]:
    """Ping each queue PINGS times for each of its consumers; return the numbers of consumers that answer.

    RabbitMQ hands messages to consumers in turn, so the pings reach every process that serves a queue.
    """
    channel = connection.channel()
    pinged: dict[str, str] = {}

    def heard(message: Any) -> None:
        identity, is_pong = answer(message.body)
        if is_pong:
            pinged.pop(identity, None)

    reply_to = channel.queue_declare(exclusive=True, auto_delete=True).queue
    channel.basic_consume(reply_to, no_ack=True, callback=heard)
    for queue in (queue for queue, count in consumers.items() for _ in range(PINGS * count)):
        pinged[identity := uuid.uuid4().hex] = queue
        channel.basic_publish(ping(identity, reply_to), routing_key=queue)
    until = time.monotonic() + ANSWER
    while pinged and (left := until - time.monotonic()) > 0:
        try:
            connection.drain_events(timeout=left)
        except TimeoutError:
            break
    silent = Counter(pinged.values())
    return {queue: count - math.ceil(silent[queue] / PINGS) for queue, count in consumers.items()}


def main(path: str, *queues: str) -> None:
    """Print a line for each queue."""
    with connected(members(Path(path).read_text())) as connection:
        states = {queue: state(connection, queue) for queue in queues}
        answers = answered(connection, {queue: found[1] for queue, found in states.items() if found})
        for queue, found in states.items():
            if (after := state(connection, queue)) and found:
                # A hanging consumer whose connection ends meanwhile gives its pings back, and others answer them.
                consumers = min(found[1], after[1])
                words: tuple[object, ...] = (after[0], consumers, min(consumers, answers[queue]))
            else:
                words = ("absent",)
            sys.stdout.write(f"{queue} {' '.join(map(str, words))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
