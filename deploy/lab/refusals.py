"""Reasons to refuse a start of the lab: an inventory without lab hosts, or another lab on this machine."""

from deploy.errors import LabError
from deploy.inventory import Cluster
from deploy.lab import keys, power
from deploy.lab.claim import without


def unsuitable(cluster: Cluster) -> None:
    """Raise LabError where an inventory does not describe lab hosts of this machine."""
    if cluster.lab is None:
        raise LabError(
            f"{cluster.source} describes machines that are not lab hosts",
            expected="a [lab] table in the inventory",
            hint="name an inventory with lab hosts, such as lab, lab-small or two-node",
        )
    wanted = {"ssh.key": (cluster.ssh.key, keys.KEY), "ssh.known_hosts": (cluster.ssh.known_hosts, keys.KNOWN_HOSTS)}
    for key, (actual, expected) in wanted.items():
        if actual != expected:
            raise LabError(
                f"{cluster.source}: {key} is not the lab's",
                expected=str(expected),
                seen=str(actual),
                hint="copy the [ssh] table of deploy/inventories/lab.toml",
            )


def occupied(cluster: Cluster, other: Cluster) -> None:
    """Raise LabError unless `cluster` is the running lab `other`.

    More nodes and other options are allowed; so are fewer, where those that are left out are off, as lost machines are.
    """
    missing = without(other, cluster)
    kept = {node.name for node in cluster.nodes} & set(missing)
    if kept or _room(cluster) != _room(other):
        raise LabError(
            f"another lab is up: {other.name} with {', '.join(node.name for node in other.nodes)}",
            expected=f"no lab, or a lab of {cluster.source}",
            hint="`python -m deploy.lab down` removes it",
        )
    if running := [name for name in missing if power.is_on(other.node(name))]:
        raise LabError(
            f"the lab {other.name} has more hosts than {cluster.source}, and they run: {', '.join(running)}",
            expected="hosts that the inventory leaves out are off, like machines that are lost; they are then removed",
            hint=f"`python -m deploy.lab power off {running[0]}`; or name the inventory of the lab that is up",
        )


def _room(cluster: Cluster) -> tuple[object, ...]:
    return cluster.name, cluster.platform, cluster.networks, cluster.lab
