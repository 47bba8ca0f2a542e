"""Reachability of the lab's hosts: a host answers when sshd sends its greeting."""

import socket
from collections.abc import Sequence

from deploy.errors import LabError
from deploy.inventory import Node
from deploy.lab import container, names
from deploy.lab.shell import phase, until

_BOOT = 60.0
"""Seconds within which every host's sshd must answer after all started at once; 2 to 5 s are usual."""


def answers(node: Node) -> bool:
    """True where a host's sshd sends its greeting within 1 s."""
    try:
        with socket.create_connection((str(node.management), 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def await_ssh(nodes: Sequence[Node]) -> None:
    """Return when every host's sshd answers; LabError with the last console lines of the hosts that do not."""
    waiting = list(nodes)

    def all_answer() -> bool:
        waiting[:] = [node for node in waiting if not answers(node)]
        return not waiting

    with phase("waiting for every host's sshd"):
        if not until(all_answer, timeout=_BOOT, every=0.2):
            raise LabError(
                f"no SSH on {', '.join(node.name for node in waiting)}",
                expected=f"an answer of sshd within {_BOOT:.0f} s of the start",
                seen="".join(f"\n    {node.name}: {container.last_words(node.name)}" for node in waiting),
                evidence=", ".join(str(names.console(node.name)) for node in waiting),
            )
