"""The room as a whole: bring up what is missing, say how it is, take all of it down."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import LabError
from deploy.inventory import Cluster, Node
from deploy.inventory import load as load_inventory
from deploy.lab import (
    container,
    groups,
    image,
    keys,
    lock,
    mounts,
    names,
    nat,
    network,
    power,
    prepare,
    redfish_service,
)
from deploy.lab.shell import phase, until

IN_USE = names.STATE / "inventory.toml"
_BOOT = 60.0
"""Seconds until every host's sshd must answer; 5 s each is usual."""


@dataclass(frozen=True)
class HostStatus:
    """How one host is. Sizes are in bytes."""

    node: Node
    on: bool
    ssh: bool
    memory: int
    disk: int


def up(cluster: Cluster) -> None:
    """Bring up what is missing of the cluster's machines; returns when every sshd answers.

    Raises LabError where the runner cannot hold them, another lab is up, or a host does not come.
    """
    refuse_unsuitable(cluster)
    with lock.room(), phase(f"bringing up {cluster.name}"):
        _refuse_other(cluster)
        missing = [node for node in cluster.nodes if not power.is_on(node)]
        prepare.ready(cluster, missing, image_cached=image.cached(cluster))
        base = image.ensure(cluster)
        keys.ensure_runner()
        keys.write_private(IN_USE, cluster.source.read_text())
        network.build(cluster)
        nat.ensure(cluster)
        with ThreadPoolExecutor(len(cluster.nodes)) as pool:
            list(pool.map(lambda node: _bring_up(cluster, node, base), missing))
        keys.record_hosts(cluster)
        redfish_service.ensure(cluster)
        _await_ssh(cluster)


def down(*, purge: bool = False) -> None:
    """Remove every trace of any lab on this machine but the cached images; with `purge` those too.

    Raises LabError where something cannot be removed.
    """
    with lock.room(), phase("taking the lab down"):
        redfish_service.stop()
        for node in sorted(home.name for home in names.HOSTS.glob("*")):
            container.kill(node)
        groups.remove_all()
        network.remove()
        nat.remove()
        mounts.remove_tree(names.STATE)
        image.clean()
        if purge:
            mounts.remove_tree(names.CACHE)


def current() -> Cluster | None:
    """The cluster whose lab is up, or was when its runner was switched off; None without a lab."""
    return load_inventory(IN_USE) if IN_USE.exists() else None


def status(cluster: Cluster) -> list[HostStatus]:
    """How each host is, in inventory order."""
    with ThreadPoolExecutor(len(cluster.nodes)) as pool:
        return list(pool.map(_status, cluster.nodes))


def refuse_unsuitable(cluster: Cluster) -> None:
    """Raise LabError where an inventory is not one of lab hosts."""
    if cluster.lab is None:
        raise LabError(
            f"{cluster.source} describes machines that are not lab hosts",
            expected="a [lab] table in the inventory",
            hint="the lab only makes hosts for inventories such as lab and two-node",
        )
    wanted = {"ssh.key": (cluster.ssh.key, keys.KEY), "ssh.known_hosts": (cluster.ssh.known_hosts, keys.KNOWN_HOSTS)}
    for key, (seen, expected) in wanted.items():
        if seen != expected:
            raise LabError(f"{cluster.source}: {key} is not the lab's", expected=str(expected), seen=str(seen))


def _refuse_other(cluster: Cluster) -> None:
    other = current()
    if other is None:
        network.refuse_taken(cluster)
        return
    same = (other.name, other.platform, other.networks, other.lab) == (
        cluster.name,
        cluster.platform,
        cluster.networks,
        cluster.lab,
    )
    kept = {node.name: node.addresses for node in cluster.nodes}
    if not same or any(kept.get(node.name) != node.addresses for node in other.nodes):
        raise LabError(
            f"another lab is there: {other.name} with {', '.join(node.name for node in other.nodes)}",
            expected=f"none, or one of {cluster.source} to continue with",
            hint="`python -m deploy.lab down` removes it",
        )
    network.refuse_taken(cluster)


def _bring_up(cluster: Cluster, node: Node, base: Path) -> None:
    with phase("starting", host=node.name):
        home = names.home(node.name)
        made = home / "image"
        if not made.is_symlink():
            mounts.remove_tree(home)
            home.mkdir(parents=True)
            assert cluster.lab  # noqa: S101 - refused before
            mounts.make_disk(node.name, cluster.lab.disk_gib)
            mounts.mount(node.name, base)
            keys.identify(node)
            made.symlink_to(base)
        power.power_on(cluster, node)


def _await_ssh(cluster: Cluster) -> None:
    waiting = list(cluster.nodes)

    def all_answer() -> bool:
        waiting[:] = [node for node in waiting if not answers(node)]
        return not waiting

    with phase("waiting for every host's sshd"):
        if not until(all_answer, timeout=_BOOT, every=0.2):
            raise LabError(
                f"no SSH on {', '.join(node.name for node in waiting)}",
                expected=f"sshd to answer within {_BOOT:.0f} s of the start",
                seen="".join(f"\n    {node.name}: {container.last_words(node.name)}" for node in waiting),
                evidence=", ".join(str(names.console(node.name)) for node in waiting),
            )


def answers(node: Node) -> bool:
    """Whether a host's sshd greets within a second."""
    try:
        with socket.create_connection((str(node.management), 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _status(node: Node) -> HostStatus:
    on = power.is_on(node)
    return HostStatus(
        node=node,
        on=on,
        ssh=on and answers(node),
        memory=groups.memory(node.name) if on else 0,
        disk=mounts.disk_used(node.name),
    )
