"""A volume group of LVM on a host: whether it is there, and what the disks carry that are to be in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.facts import disks
from deploy.facts.disks import Disk
from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class VolumeGroup:
    """One volume group as the inventory names it, with the disks that the inventory gives it."""

    name: str
    there: bool = False
    disks: tuple[Disk, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """Why the group cannot be used or made; empty where it can. A disk that carries anything is refused."""
        if not self.there and not self.disks:
            return (f"there is no volume group {self.name}, and the inventory names no disks for one",)
        reasons = (disk.refused(ours=disk.group == self.name) for disk in self.disks)
        return tuple(why for why in reasons if why)

    @property
    def outside(self) -> tuple[str, ...]:
        """The paths of the disks that are not in the group yet."""
        return tuple(disk.path for disk in self.disks if disk.group != self.name)


# Without lvm2 the host has no groups that it could use.
_GROUPS = f"! command -v vgs >/dev/null || vgs --noheadings -o vg_name || exit 1\necho {END}\n"


def read(host: Reads, name: str, paths: Iterable[str]) -> VolumeGroup:
    """Return the group of that name, and its disks by their paths; CommandFailed where the reading did not end."""
    listed = whole(host, "volume groups", host.check("exec sh -s", stdin=_GROUPS, timeout=60))
    return VolumeGroup(name, name in listed.split(), tuple(disks.read(host, paths).values()))
