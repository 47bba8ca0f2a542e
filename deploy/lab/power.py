"""Power of lab hosts: off is a true power cut, on boots the same disk in a new network namespace."""

import signal

from deploy.errors import LabError
from deploy.inventory import Cluster, Node
from deploy.journal import JOURNAL
from deploy.lab import container, groups, lock, mounts, names, network, processes

# SIGRTMIN+4 makes systemd power off, like a machine's power button.
_BUTTON = signal.SIGRTMIN + 4


def is_on(node: Node) -> bool:
    """True where a host's PID 1 runs."""
    return container.leader(node.name) > 0


def power_off(cluster: Cluster, node: Node) -> None:
    """Cut a host's power: its peers get no farewell, and none of its processes runs. LabError where it stays on."""
    with lock.power(node.name):
        _cut(cluster, node)
    JOURNAL.emit("note", "power is off", host=node.name)


def power_on(cluster: Cluster, node: Node, *, booting: float = groups.BOOTING) -> None:
    """Start a host that is off, and return before it has booted; a host that is on stays as it is.

    `booting` is the host's CPU share until it has booted, as a part of the usual share. Raises LabError where its image
    is missing or it does not start.
    """
    with lock.power(node.name):
        if not is_on(node):
            _start(cluster, node, booting)


def ended(cluster: Cluster, node: Node, number: str, *, reboot: bool) -> None:
    """Clean up after a host that ended boot `number` by itself, and boot it again where it asked for a reboot.

    A network namespace that is left over would go on answering for the host.
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
    """Ask a host to shut down, as its power button does; return at once."""
    init = container.leader(node.name)
    if init:
        processes.send(init, _BUTTON, lambda pid: container.leader(node.name) == pid)


def _cut(cluster: Cluster, node: Node) -> None:
    # Cables first: the kernel closes the sockets of killed processes, and peers must not receive those packets.
    network.cut(cluster, node.name)
    container.kill(node.name)
    network.detach(cluster, node.name)


def _start(cluster: Cluster, node: Node, booting: float) -> None:
    _cut(cluster, node)
    image = names.home(node.name) / "image"
    if not image.exists():
        raise LabError(
            f"the image of host {node.name} is missing",
            expected=f"a directory at {image.readlink() if image.is_symlink() else image}",
            hint="run `python -m deploy.lab down`, then `up`",
        )
    mounts.mount(node.name, image.resolve())
    network.attach(cluster, node)
    container.start(node, booting=booting, real_time=groups.real_time(cluster, node))
    JOURNAL.emit("note", "power is on", host=node.name)
