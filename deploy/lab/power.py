"""Power of lab hosts: off is a true power cut, on is the same disk in a new network namespace."""

import signal

from deploy.errors import LabError
from deploy.inventory import Cluster, Node
from deploy.journal import JOURNAL
from deploy.lab import container, groups, lock, mounts, names, network, processes

# SIGRTMIN+4 asks a systemd to power off, as a machine's power button does.
_BUTTON = signal.SIGRTMIN + 4


def is_on(node: Node) -> bool:
    """Whether a host runs."""
    return container.leader(node.name) > 0


def power_off(cluster: Cluster, node: Node) -> None:
    """Cut a host's power: no goodbye on the network, nothing of it left running. Raises LabError where it stays on."""
    with lock.power(node.name):
        _cut(cluster, node)
    JOURNAL.emit("note", "power is off", host=node.name)


def power_on(cluster: Cluster, node: Node, *, booting: float = groups.BOOTING) -> None:
    """Boot a host that is off; does nothing where it is on. Returns before the host has booted.

    Until it has, it gets that part of what others get of the processors. Raises LabError where its disk is missing or
    it does not start.
    """
    with lock.power(node.name):
        if not is_on(node):
            _start(cluster, node, booting)


def ended(cluster: Cluster, node: Node, number: str, *, reboot: bool) -> None:
    """Clean up after a host that ended boot `number` by itself, and boot it again where it asked for that.

    What stays of a host's network would go on answering for it.
    """
    with lock.power(node.name):
        ticket = names.ticket(node.name)
        if not ticket.exists() or ticket.read_text() != number:
            return
        if reboot:
            _start(cluster, node, groups.BOOTING)
        else:
            _cut(cluster, node)


def press_button(node: Node) -> None:
    """Ask a host to shut down in good order, as its power button would; returns at once."""
    init = container.leader(node.name)
    if init:
        processes.send(init, _BUTTON, lambda pid: container.leader(node.name) == pid)


def _cut(cluster: Cluster, node: Node) -> None:
    # Cables first: a dying kernel would else close the host's sockets politely, and peers learn what no cut tells.
    network.cut(cluster, node.name)
    container.kill(node.name)
    network.detach(cluster, node.name)


def _start(cluster: Cluster, node: Node, booting: float) -> None:
    _cut(cluster, node)
    image = names.home(node.name) / "image"
    if not image.exists():
        raise LabError(
            f"the image {node.name} was made from is gone",
            expected=f"a directory at {image.readlink() if image.is_symlink() else image}",
            hint="`python -m deploy.lab down`, then `up`",
        )
    mounts.mount(node.name, image.resolve())
    network.attach(cluster, node)
    container.start(node, booting=booting, real_time=groups.real_time(cluster, node))
    JOURNAL.emit("note", "power is on", host=node.name)
