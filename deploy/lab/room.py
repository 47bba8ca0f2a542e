"""The lab as a whole: brings up missing hosts, reports their status, and takes everything down."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy import paths
from deploy.errors import StackproofError
from deploy.inventory import Cluster, Lab, Node
from deploy.journal import JOURNAL
from deploy.lab import (
    claim,
    container,
    doors,
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
    reach,
    redfish,
    refusals,
    trials,
    tuning,
)
from deploy.lab.shell import phase

IN_USE = claim.IN_USE
current = claim.current


@dataclass(frozen=True)
class HostStatus:
    """The status of one host. Sizes are in bytes."""

    node: Node
    on: bool
    ssh: bool
    memory: int
    disk: int


def up(cluster: Cluster, *, build: bool) -> None:
    """Bring up the missing hosts of the cluster; return when every sshd answers.

    `build`: services are built on the hosts afterwards, so that the runner needs memory and disk for them too.
    Raises LabError where the runner is too small, another lab is up, or a host does not start.
    """
    prepare.require_root()
    refusals.unsuitable(cluster)
    with lock.room(), phase(f"bringing up {cluster.name}"):
        other = current()
        if other:
            refusals.occupied(cluster, other)
            _give_up(other, claim.without(other, cluster))
        else:
            _clear()
        network.refuse_taken(cluster)
        missing = [node for node in cluster.nodes if not power.is_on(node)]
        prepare.ready(missing, prepare.need(cluster, build=build))
        image.clean()
        base = image.ensure(cluster) if any(not _is_made(node) for node in cluster.nodes) else None
        keys.ensure_runner()
        keys.write_private(IN_USE, cluster.source.read_text())
        tuning.for_hosts(len(cluster.nodes), len(cluster.networks))
        network.build(cluster)
        doors.ensure(cluster)
        nat.ensure(cluster)
        with ThreadPoolExecutor(len(cluster.nodes)) as pool:
            list(pool.map(lambda node: _bring_up(cluster, node, base), cluster.nodes))
        keys.record_hosts(cluster)
        redfish.ensure(cluster)
        reach.await_ssh(cluster.nodes)


def down(*, purge: bool = False) -> None:
    """Remove any lab from this machine except the cached images; with `purge` those too.

    Raises LabError where something cannot be removed.
    """
    prepare.require_root()
    with lock.room(), phase("taking the lab down"):
        _clear()
        image.clean()
        if purge:
            image.purge()


def _clear() -> None:
    """Stop and remove everything with the lab's names, whether recorded or not."""
    _forget_drills()
    redfish.stop()
    for node in sorted(home.name for home in names.HOSTS.glob("*")):
        container.kill(node)
    groups.remove_all()
    network.remove()
    nat.remove()
    doors.remove()
    tuning.restore()
    trials.clean()
    mounts.remove_tree(names.STATE)


def _forget_drills() -> None:
    """Delete the records of drills' pending undos, which are gone with the hosts and would make another lab refused."""
    with suppress(StackproofError):  # an unreadable inventory must not prevent the removal
        if cluster := claim.current():
            for left in paths.drills(cluster.name).glob("*.*"):
                left.unlink(missing_ok=True)


def build_image(cluster: Cluster) -> Path:
    """Build the image of the cluster's hosts where it is missing, and return its path; starts no host."""
    with lock.room():
        prepare.install_tools()
        image.clean()
        return image.ensure(cluster)


def status(cluster: Cluster) -> list[HostStatus]:
    """Return the status of each host, in inventory order."""
    with ThreadPoolExecutor(len(cluster.nodes)) as pool:
        return list(pool.map(_status, cluster.nodes))


def _bring_up(cluster: Cluster, node: Node, base: Path | None) -> None:
    if power.is_on(node):
        return
    with phase("starting", host=node.name):
        booting = groups.BOOTING
        if base and not _is_made(node):
            _make(cluster, node, base)
            booting = 1  # it starts no services, and is built on at once: peers would time out on a slow host
        power.power_on(cluster, node, booting=booting)


def _give_up(cluster: Cluster, lost: list[str]) -> None:
    """Remove hosts that are off, with their disks: machines that are lost for good."""
    for name in lost:
        power.power_off(cluster, cluster.node(name))
        mounts.remove_tree(names.home(name))
        JOURNAL.emit("change", "removed the host and its disk: the inventory leaves it out", host=name)


def _is_made(node: Node) -> bool:
    return (names.home(node.name) / "image").is_symlink()


def _make(cluster: Cluster, node: Node, base: Path) -> None:
    """Create a host's disk and identity. The link to the image comes last, so that a half-made host is made again."""
    home = names.home(node.name)
    mounts.remove_tree(home)
    home.mkdir(parents=True)
    mounts.make_disk(node.name, cluster.lab.disk_gib if cluster.lab else Lab.disk_gib)
    mounts.mount(node.name, base)
    keys.identify(node)
    (home / "image").symlink_to(base)


def _status(node: Node) -> HostStatus:
    on = power.is_on(node)
    return HostStatus(
        node=node,
        on=on,
        ssh=on and reach.answers(node),
        memory=groups.memory(node.name) if on else 0,
        disk=mounts.disk_used(node.name),
    )
