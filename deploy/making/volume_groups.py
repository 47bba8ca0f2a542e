"""The volume group for Cinder's volumes on each storage node, of the disks that the inventory gives to the node."""

from shlex import quote

from deploy.facts import volume_group
from deploy.facts.volume_group import VolumeGroup
from deploy.host import Host
from deploy.making import disks
from deploy.site import Site


def refuse(site: Site) -> None:
    """Raise StepFailed where a group can neither be used nor made, or a disk carries anything. Changes nothing."""
    found = site.members("cinder-volume").each(lambda host: _read(site, host))
    expected = "disks that are empty, or in the volume group; or a volume group that was made by hand"
    disks.refuse("cinder", {name: group.refused for name, group in found.items()}, expected)


def ensure(site: Site) -> None:
    """Make each group that is missing, and add the disks that are not in it."""
    site.members("cinder-volume").each(lambda host: _complete(host, _read(site, host)))


def _read(site: Site, host: Host) -> VolumeGroup:
    return volume_group.read(host, site.cluster.cinder.volume_group, site.cluster.disks(host.node))


def _complete(host: Host, group: VolumeGroup) -> None:
    if not group.outside:
        return
    what = f"{'extended' if group.there else 'made'} the volume group {group.name} with {', '.join(group.outside)}"
    # LVM asks before it overwrites anything, and takes the end of its input for a no.
    command = f"{'vgextend' if group.there else 'vgcreate'} -q -- {' '.join(map(quote, (group.name, *group.outside)))}"
    host.change(what, command, timeout=120)
