"""OSDs of Ceph on a host: the folder of each."""

from dataclasses import dataclass

from deploy.facts.ended import END, whole
from deploy.host import Reads


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
