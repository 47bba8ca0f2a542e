"""Disks for Ceph on a host: what each carries, and which OSDs the host has."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

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

    def ours(self, fsid: str) -> bool:
        """True for a whole OSD of the cluster with that fsid."""
        return self.cluster == fsid and self.osd >= 0

    def refused(self, fsid: str) -> str:
        """Return why the cluster with that fsid may not have the disk; empty for an empty disk and for its own OSD."""
        if not self.there:
            return f"{self.path} is not there, or is no disk"
        if not self.carries or self.ours(fsid):
            return ""
        whose = f"osd.{self.osd} of the cluster {self.cluster}, " if self.cluster else ""
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
    """Parse `disk PATH`, then of this disk `missing`, `saw WHAT` and `label JSON`, separated by tabs."""
    found: list[Disk] = []
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "disk":
            found.append(Disk(rest))
        elif not found:
            continue
        elif kind == "missing":
            found[-1] = Disk(found[-1].path, there=False)
        elif kind == "saw":
            last = found[-1]
            seen = tuple(dict.fromkeys((*last.carries, " ".join(rest.split()))))
            found[-1] = Disk(last.path, last.there, seen, last.cluster, last.osd)
        elif kind == "label":
            last = found[-1]
            found[-1] = Disk(last.path, last.there, last.carries, *_label(rest))
    return tuple(found)


def _label(text: str) -> tuple[str, int]:
    """Return fsid and number of an OSD that was made to its end; empty and -1 where the label says something else."""
    try:
        (label,) = json.loads(text).values()
        return (str(label["ceph_fsid"]), int(label["whoami"])) if label.get("ready") == "ready" else ("", -1)
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", -1


@dataclass(frozen=True)
class Folder:
    """One OSD's folder on a host."""

    number: int
    cluster: str = ""
    """The fsid of its cluster."""
    block: str = ""
    """The disk with its data; empty: a file in the folder."""
    ready: bool = False
    """False: the making of the OSD was broken off."""


_FOLDERS = f"""\
for folder in /var/lib/ceph/osd/ceph-*; do
  [ -d "$folder" ] || continue
  printf 'osd\\t%s\\t%s\\t%s\\t%s\\n' "${{folder##*-}}" "$(cat "$folder/ceph_fsid" 2>/dev/null)" \
    "$(readlink "$folder/block")" "$([ ! -e "$folder/ready" ] || echo ready)"
done
echo {END}
"""


def folders(host: Reads) -> tuple[Folder, ...]:
    """Return the OSDs' folders of a host; CommandFailed where the reading did not end."""
    return parse_folders(whole(host, "OSDs", host.check("exec sh -s", stdin=_FOLDERS, timeout=30)))


def parse_folders(text: str) -> tuple[Folder, ...]:
    """Parse lines of `osd NUMBER FSID BLOCK READY`, separated by tabs."""
    rows = [line.split("\t") for line in text.splitlines()]
    return tuple(
        Folder(int(row[1]), row[2], row[3], row[4] == "ready")
        for row in rows
        if len(row) == 5 and row[0] == "osd" and row[1].isdecimal()
    )
