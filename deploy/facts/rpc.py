"""RPC servers: whether the queues of a topic are consumed, and whether the consuming processes answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deploy.host import Reads

SCRIPT = Path(__file__).with_name("rpc_ping.py").read_text()


@dataclass(frozen=True)
class Served:
    """One queue of RPC servers."""

    exists: bool = False
    waiting: int = 0
    """Messages that no consumer took."""
    consumers: int = 0
    answers: int = 0
    """Consumers that answer pings."""

    def __str__(self) -> str:
        if not self.exists:
            return "no queue"
        return f"{self.consumers} consumers, {self.answers} of which answer, {self.waiting} messages waiting"


def served(host: Reads, config: str, queues: Iterable[str]) -> dict[str, Served]:
    """Ping the consumers of the queues from that host; empty where RabbitMQ does not answer.

    `config`: the configuration file of a service on that host, whose `transport_url` is used. The servers must have
    `rpc_ping_enabled`; any other server logs an exception.
    """
    wanted = sorted(set(queues))
    return parse(host.run(f"exec python3 - %s{' %s' * len(wanted)}", config, *wanted, stdin=SCRIPT, timeout=40).out)


@lru_cache(maxsize=8)  # a check of every server reads the same answer
def parse(text: str) -> dict[str, Served]:
    """Parse lines of queue, waiting messages, consumers and answers, or of queue and `absent`; others are left out."""
    found = {}
    for words in map(str.split, text.splitlines()):
        if len(words) == 2 and words[1] == "absent":
            found[words[0]] = Served()
        elif len(words) == 4 and all(word.isdecimal() for word in words[1:]):
            found[words[0]] = Served(True, *map(int, words[1:]))
    return found
