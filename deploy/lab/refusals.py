"""What the lab refuses to start with: an inventory that is not of lab hosts, or a room that is another's."""

from deploy.errors import LabError
from deploy.inventory import Cluster
from deploy.lab import keys


def unsuitable(cluster: Cluster) -> None:
    """Raise LabError where an inventory does not describe lab hosts of this machine."""
    if cluster.lab is None:
        raise LabError(
            f"{cluster.source} describes machines that are not lab hosts",
            expected="a [lab] table in the inventory",
            hint="the lab makes hosts for inventories such as lab and two-node",
        )
    wanted = {"ssh.key": (cluster.ssh.key, keys.KEY), "ssh.known_hosts": (cluster.ssh.known_hosts, keys.KNOWN_HOSTS)}
    for key, (seen, expected) in wanted.items():
        if seen != expected:
            raise LabError(
                f"{cluster.source}: {key} is not the lab's",
                expected=str(expected),
                seen=str(seen),
                hint="copy the [ssh] table of deploy/inventories/lab.toml",
            )


def occupied(cluster: Cluster, other: Cluster) -> None:
    """Raise LabError unless `cluster` is `other`, perhaps with more nodes or other options."""
    kept = {node.name: node.addresses for node in cluster.nodes}
    moved = [node.name for node in other.nodes if kept.get(node.name) != node.addresses]
    if moved or _room(cluster) != _room(other):
        raise LabError(
            f"another lab is there: {other.name} with {', '.join(node.name for node in other.nodes)}",
            expected=f"none, or one made from {cluster.source}",
            hint="`python -m deploy.lab down` removes it",
        )


def _room(cluster: Cluster) -> tuple[object, ...]:
    return cluster.name, cluster.platform, cluster.networks, cluster.lab
