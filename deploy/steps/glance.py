"""Glance: metadata definitions; in a cluster with Ceph, images on controllers' disks move there, each compared."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deploy.catalogue import Project
from deploy.errors import StepFailed
from deploy.facts import image
from deploy.host import Host, Hosts
from deploy.making import database, ordinary
from deploy.site import Site
from deploy.step import Step

PROGRAM = "/usr/local/libexec/stackproof/image-to-ceph"
SLOWEST = 4 << 20
"""Bytes per second at which an image is copied and read back, at the least."""
_ADDRESS = re.compile(r"rbd://[0-9a-f-]{36}/images/[0-9a-f-]{36}/snap")

_FOLDER = f"file://{image.FOLDER}/"
_DEFINED = "SELECT COUNT(*) FROM glance.metadef_namespaces"
_ON_DISK = """SELECT l.id, i.id, i.size, IF(i.os_hash_value IS NULL, 'md5', i.os_hash_algo),
  COALESCE(i.os_hash_value, i.checksum, '')
FROM glance.image_locations l JOIN glance.images i ON i.id = l.image_id
WHERE l.deleted = 0 AND i.deleted = 0 AND l.value = CONCAT('{folder}', i.id)"""
# Only where the location is still the one that was read: a tenant may have deleted the image meanwhile.
_MOVE = """UPDATE glance.image_locations
SET value = '{address}', meta_data = '{{"store": "ceph"}}', updated_at = UTC_TIMESTAMP()
WHERE id = {row} AND deleted = 0 AND value = '{folder}{id}'; SELECT ROW_COUNT()"""
_IN_CEPH = """SELECT DISTINCT image_id FROM glance.image_locations WHERE deleted = 0 AND value LIKE 'rbd://%'
AND image_id NOT IN (SELECT image_id FROM glance.image_locations WHERE deleted = 0 AND value LIKE 'file://%')"""


@dataclass(frozen=True)
class OnDisk:
    """One image whose data is on a controller's disk, by Glance's records."""

    row: int
    """The number of the location's record."""
    id: str
    size: int
    """In bytes."""
    algorithm: str
    hash: str
    """In hexadecimal."""


def parse(text: str) -> list[OnDisk]:
    """Parse rows of the query `_ON_DISK`; other lines are skipped."""
    rows = (line.split("\t") for line in text.splitlines())
    return [
        OnDisk(int(row[0]), row[1], int(row[2]), row[3], row[4])
        for row in rows
        if len(row) == 5 and row[0].isdecimal() and row[2].isdecimal()
    ]


def complete(site: Site) -> None:
    """Complete the step. Images move before the members restart, and those that came in meanwhile afterwards."""
    ordinary.complete(site, "glance", migrated=_prepared)
    _moved(site)


def _prepared(site: Site) -> None:
    _defined(site)
    _moved(site)


def _defined(site: Site) -> None:
    """Load the metadata definitions of Glance's package where there are none."""
    if database.sql(site.members("galera").first, _DEFINED).strip() != "0":
        return
    site.members("glance").first.change(
        "loaded Glance's metadata definitions", "su -s /bin/sh -c 'glance-manage db_load_metadefs' glance", timeout=600
    )


def _moved(site: Site) -> None:
    """Move each image from a disk to Ceph; StepFailed names those whose data is on no host, or differs from the record.

    A location changes once the copy was read back and has the image's hash. Files are removed after that, also those
    that an interrupted build left.
    """
    if "ceph" not in site.cluster.features:
        return
    hosts, records = site.members("glance"), site.members("galera").first
    if left := parse(database.sql(records, _ON_DISK.format(folder=_FOLDER))):
        stored = hosts.each(image.stored)
        stuck = [each.id for each in left if not _move(records, _holders(hosts, stored, each), each)]
        if stuck:
            raise StepFailed(
                "images could not be moved from the controllers' disks to Ceph; the others were",
                expected=f"a file of the recorded size and hash in {image.FOLDER} of a controller",
                seen=f"none for {', '.join(stuck)}",
                hint="restore the file and build again, or delete the image if its owner agrees",
            )
    _forget(hosts, set(database.sql(records, _IN_CEPH).split()))


def _holders(hosts: Hosts, stored: Mapping[str, Mapping[str, int]], wanted: OnDisk) -> list[Host]:
    """Return the hosts whose disk has a file of the image's size."""
    return [host for name, host in hosts.items() if stored[name].get(wanted.id) == wanted.size]


def _move(records: Host, holders: Iterable[Host], wanted: OnDisk) -> bool:
    """Return True where one host's file was copied, and the record changed, or where the image is gone."""
    for host in holders:
        said = _run(host, "copy", wanted.id, wanted.algorithm, wanted.hash, timeout=600 + wanted.size / SLOWEST)
        if said == "differs":
            continue
        if not _ADDRESS.fullmatch(said):
            raise StepFailed(
                f"{host.name}: an image was not copied to Ceph", expected="its address there", seen=said[-300:]
            )
        move = _MOVE.format(folder=_FOLDER, row=wanted.row, id=wanted.id, address=said)
        if database.sql(records, move).strip() == "1":
            host.changed(f"moved image {wanted.id} to Ceph ({wanted.size >> 20} MiB)")
        else:
            _run(host, "discard", wanted.id, timeout=600)
        return True
    return False


def _run(host: Host, *arguments: str, timeout: float) -> str:
    spelled = " ".join(["%s"] * len(arguments))
    return host.check(f"runuser -u glance -- {PROGRAM} {spelled}", *arguments, timeout=timeout).strip()


def _forget(hosts: Hosts, moved: set[str]) -> None:
    """Remove the files of images that are in Ceph."""
    if not moved:
        return
    for name, files in hosts.each(image.stored).items():
        if there := sorted(moved & files.keys()):
            paths = " ".join(shlex.quote(f"{image.FOLDER}/{each}") for each in there)
            hosts[name].change(f"removed the files of {len(there)} images, which are in Ceph", f"rm -f -- {paths}")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete)
