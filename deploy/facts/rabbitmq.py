"""RabbitMQ: members, partitions and alarms, as one member sees them."""

import json
from dataclasses import dataclass

from deploy.errors import CommandFailed
from deploy.host import Reads


@dataclass(frozen=True)
class RabbitStatus:
    """One member's view of its cluster; no members: it did not answer."""

    running: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    def whole(self, members: int) -> bool:
        """All members run, none is partitioned, no alarm stops publishers."""
        return len(self.running) == members > 0 and not self.partitions and not self.alarms


def status(host: Reads) -> RabbitStatus:
    """Ask the member on that host."""
    result = host.run("rabbitmqctl -q --timeout 15 cluster_status --formatter json", timeout=30)
    return parse(result.out) if result.ok else RabbitStatus()


def parse(text: str) -> RabbitStatus:
    """`rabbitmqctl cluster_status --formatter json`."""
    try:
        told = json.loads(text[text.index("{") :])
        return RabbitStatus(
            running=tuple(sorted(told["running_nodes"])),
            partitions=tuple(sorted(told["partitions"])),
            alarms=tuple(str(alarm) for alarm in told["alarms"]),
        )
    except (ValueError, KeyError, TypeError):
        return RabbitStatus()


def users(host: Reads) -> dict[str, tuple[str, ...]]:
    """The users and their tags."""
    out = host.check("rabbitmqctl -q --timeout 15 list_users --formatter json", timeout=30)
    try:
        return {entry["user"]: tuple(entry["tags"]) for entry in json.loads(out)}
    except (ValueError, KeyError, TypeError):
        raise CommandFailed(f"{host.name}: rabbitmqctl list_users was not understood", seen=out[:300]) from None
