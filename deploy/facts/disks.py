"""Disks for Ceph or LVM on a host: what each carries, and whose it is."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class Disk:
    """One disk of the inventory, as its host sees it."""

    path: str
    there: bool = True
    carries: tuple[str, ...] = ()
    """What is on it: signatures of file systems and partition tables, partitions, mounts; empty: nothing."""
    cluster: str = ""
    """The fsid of the cluster whose OSD it is; empty: no OSD, or an unreadable label."""
    osd: int = -1
    """The number of that OSD."""
    group: str = ""
    """LVM's volume group that it belongs to; empty: none, or LVM is not installed."""

    def ours(self, fsid: str) -> bool:
        """True for a whole OSD of the cluster with that fsid."""
        return self.cluster == fsid and self.osd >= 0

    def refused(self, *, ours: bool) -> str:
        """Return why a build may not have the disk; empty for an empty disk, and for one that is `ours` already."""
        if not self.there:
            return f"{self.path} is not there, or is no disk"
        if not self.carries or ours:
            return ""
        whose = f"osd.{self.osd} of the cluster {self.cluster}, " if self.cluster else ""
        whose += f"a part of the volume group {self.group}, " if self.group else ""
        return f"{self.path} IS NOT EMPTY: it carries {whose}{', '.join(self.carries)}"


# Only reads. A disk that another program holds has children (LVM, RAID), or is mounted. wipefs knows the signatures of
# file systems, RAID, LVM, partition tables and Ceph.
# What cannot be read counts as something; blkid ends with 2 and findmnt with 1 where there is nothing, and say nothing.
_SCRIPT = f"""\
saw() {{
  before=$1; shift
  found=$("$@" 2>&1); code=$?
  if [ "$code" -gt 2 ] || {{ [ "$code" -gt 0 ] && [ -n "$found" ]; }}; then
    before='unknown: '
    found=${{found:-$1 ended with $code}}
  fi
  [ -z "$found" ] || printf '%s\\n' "$found" | sed "s/^/saw\\t$before/"
}}
for disk; do
  printf 'disk\\t%s\\n' "$disk"
  [ -b "$disk" ] || {{ printf 'missing\\n'; continue; }}
  saw '' wipefs --no-act --noheadings --output TYPE,OFFSET -- "$disk"
  saw 'partition table ' blkid -p -o value -s PTTYPE -- "$disk"
  saw '' sh -c 'all=$(lsblk -nrpo NAME,TYPE,FSTYPE,MOUNTPOINT -- "$1") && echo "$all" | sed 1d' - "$disk"
  saw 'mounted at ' findmnt -nro TARGET -S "$disk"
  saw '' sh -c 'head -c 4096 -- "$1" > /dev/null' - "$disk"
  if [ "$(head -c 22 -- "$disk" | tr -d '\\0')" = 'bluestore block device' ]; then
    printf 'saw\\tan OSD of Ceph\\n'
    printf 'label\\t%s\\n' "$(timeout 20 ceph-bluestore-tool show-label --dev "$disk" 2>/dev/null | tr -d '\\n')"
  fi
  if command -v pvs > /dev/null; then
    printf 'group\\t%s\\n' "$(pvs --noheadings -o vg_name -- "$(readlink -f -- "$disk")" 2>/dev/null | tr -d ' \\n')"
  fi
done
echo {END}
"""


def read(host: Reads, paths: Iterable[str]) -> dict[str, Disk]:
    """Return what the disks carry, by their paths; CommandFailed where the reading did not end."""
    asked = [path for path in paths if path.startswith("/dev/")]
    if not asked:
        return {}
    out = host.check("exec sh -s --" + " %s" * len(asked), *asked, stdin=_SCRIPT, timeout=120)
    found = {disk.path: disk for disk in parse(whole(host, "disks", out))}
    return {path: found.get(path, Disk(path, there=False)) for path in asked}


def parse(text: str) -> tuple[Disk, ...]:
    """Parse `disk PATH`, then of this disk `missing`, `saw WHAT`, `label JSON` and `group NAME`, after tabs."""
    found: list[Disk] = []
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "disk":
            found.append(Disk(rest))
        elif found:
            found[-1] = _told(found[-1], kind, rest)
    return tuple(found)


def _told(disk: Disk, kind: str, rest: str) -> Disk:
    """Return the disk with what one line says of it."""
    match kind:
        case "missing":
            return Disk(disk.path, there=False)
        case "saw":
            return replace(disk, carries=tuple(dict.fromkeys((*disk.carries, " ".join(rest.split())))))
        case "label":
            cluster, osd = _label(rest)
            return replace(disk, cluster=cluster, osd=osd)
        case "group":
            return replace(disk, group=rest)
    return disk


def _label(text: str) -> tuple[str, int]:
    """Return fsid and number of an OSD that was made to its end; empty and -1 where the label says something else."""
    try:
        (label,) = json.loads(text).values()
        return (str(label["ceph_fsid"]), int(label["whoami"])) if label.get("ready") == "ready" else ("", -1)
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", -1
