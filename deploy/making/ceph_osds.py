"""Ceph's OSDs: one for each disk of the inventory. A disk that carries anything is refused, and never wiped."""

from collections import Counter
from shlex import quote

from deploy import rados
from deploy.errors import StepFailed
from deploy.facts import ceph, ceph_disks, disks
from deploy.facts.ceph_ask import Question
from deploy.facts.ceph_disks import Folder
from deploy.facts.disks import Disk
from deploy.host import Host
from deploy.making import disks as making
from deploy.making import start
from deploy.making.ceph_mons import tell
from deploy.site import Site

GIB = 2**30
_NEW = "timeout 60 ceph --connect-timeout 20 osd new"

# The key travels by pipes and files only: printf is the shell's own.
_MAKE = """set -eu
umask 027
uuid=$(cat /proc/sys/kernel/random/uuid)
key=$(ceph-authtool --gen-print-key)
number=$(printf '{{"cephx_secret": "%s"}}' "$key" | {new} "$uuid" -i -)
[ "$number" -ge 0 ]
folder=/var/lib/ceph/osd/ceph-$number
install -d -o ceph -g ceph -m 0750 "$folder"
printf '[osd.%s]\\n\\tkey = %s\\n' "$number" "$key" > "$folder/keyring"
chown ceph:ceph "$folder/keyring"
{block}
runuser -u ceph -- ceph-osd --mkfs -i "$number" --osd-uuid "$uuid" --bluestore-block-size {size} >/dev/null
{look}
"""
_ADOPT = """set -eu
umask 027
folder=/var/lib/ceph/osd/ceph-{number}
install -d -o ceph -g ceph -m 0750 "$folder"
ceph-bluestore-tool prime-osd-dir --dev {disk} --path "$folder" >/dev/null
ln -sfn -- {disk} "$folder/block"
chown -R -h ceph:ceph "$folder"
{look}
"""
_LINK = 'ln -s -- {disk} "$folder/block"; chown -h ceph:ceph "$folder/block"'
# udev gives the disk to Ceph's account now, by the rules that were just written, and at every boot.
_OWNED = "udevadm control --reload && udevadm trigger --action=change --settle -- {disk}"


def refuse(site: Site) -> None:
    """Raise StepFailed where any disk of the inventory carries what is not this cluster's. Changes nothing."""
    fsid = rados.fsid(site.secrets)
    found = site.members("ceph-osd").each(lambda host: disks.read(host, site.cluster.disks(host.node)))
    wrong = {name: [each.refused(ours=each.ours(fsid)) for each in there.values()] for name, there in found.items()}
    making.refuse("ceph", wrong, "disks that are empty, or OSDs of this cluster")


def ensure(site: Site) -> None:
    """Make the OSDs that are missing, forget those that are lost, and let all run."""
    members = site.members("ceph-osd")
    here = members.each(ceph_disks.folders)
    for name, folders in here.items():
        _unmake(site, members[name], folders)
    _forget(site, {name: {folder.number for folder in folders if folder.ready} for name, folders in here.items()})
    members.each(lambda host: _complete(site, host))
    members.each(lambda host: start.start(site, host, "ceph", "ceph-osd"))


def _unmake(site: Site, host: Host, folders: tuple[Folder, ...]) -> None:
    """Remove what is left of an OSD whose making was broken off, and refuse one of another cluster."""
    for folder in folders:
        if not folder.ready:
            tell(host, f"forgot the unfinished osd.{folder.number}", _purge(folder.number))
            host.change("removed its folder", f"rm -rf -- /var/lib/ceph/osd/ceph-{folder.number}")
        elif folder.cluster != rados.fsid(site.secrets):
            raise StepFailed(
                f"{host.name}: /var/lib/ceph/osd/ceph-{folder.number} is another cluster's OSD; nothing was changed",
                expected=f"OSDs of the cluster {rados.fsid(site.secrets)}",
                seen=folder.cluster or "no fsid",
                hint="save what you need of it, then remove it",
            )


def _forget(site: Site, here: dict[str, set[int]]) -> None:
    """Take OSDs that no host has any more out of the cluster, provided that all data is in reach without them.

    These are OSDs that are down, and either of a host that answered and does not have them, or of a machine that the
    inventory no longer has.
    """
    lead = site.members("ceph-mon").first
    on_disks = site.members("ceph-osd").each(lambda host: disks.read(host, site.cluster.disks(host.node)))
    kept = {disk.osd for there in on_disks.values() for disk in there.values() if disk.ours(rados.fsid(site.secrets))}
    kept |= {number for numbers in here.values() for number in numbers}
    known = ceph.osds(lead)
    lost = [each for each in known if not each.up and each.number not in kept]
    if not lost:
        return
    status = ceph.status(lead)
    if not (status.active or (status.health and not status.groups)):
        return
    for each in lost:
        what = f"removed osd.{each.number} from the cluster: {each.host or 'no host'} does not have it any more"
        tell(lead, what, _purge(each.number))
    gone = {each.host for each in known} - {each.host for each in known if each not in lost} - set(here) - {""}
    for name in sorted(gone):
        tell(lead, f"removed {name} from the map of hosts", Question.of("osd crush rm", name=name))


def _purge(number: int) -> Question:
    return Question.of("osd purge-actual", id=number, yes_i_really_mean_it=True)


def _complete(site: Site, host: Host) -> None:
    """Make or adopt the OSDs of one host that are missing."""
    ready = [folder for folder in ceph_disks.folders(host) if folder.ready]
    for disk in disks.read(host, site.cluster.disks(host.node)).values():
        if not any(folder.block == disk.path for folder in ready):
            _use(site, host, disk)
    sizes = [int(disk.removeprefix("file:")) for disk in site.cluster.disks(host.node) if disk.startswith("file:")]
    for size in sizes[Counter(bool(folder.block) for folder in ready)[False] :]:
        script = _MAKE.format(new=_NEW, block=":", size=size * GIB, look=_LOOK)
        host.change(f"made an OSD in a file of {size} GiB", script, timeout=180)


def _use(site: Site, host: Host, disk: Disk) -> None:
    if why := disk.refused(ours=disk.ours(rados.fsid(site.secrets))):
        raise StepFailed(f"{host.name}: {why}; it was left as it is", expected="an empty disk")
    path = quote(disk.path)
    if disk.ours(rados.fsid(site.secrets)):
        script = _ADOPT.format(number=disk.osd, disk=path, look=_LOOK)
        host.change(f"took osd.{disk.osd} on {disk.path} into use again", f"{_OWNED.format(disk=path)}\n{script}")
        return
    script = _MAKE.format(new=_NEW, block=_LINK.format(disk=path), size=0, look=_LOOK)
    host.change(f"made an OSD on {disk.path}", f"{_OWNED.format(disk=path)}\n{script}", timeout=600)


_LOOK = "if systemctl -q is-active ceph-osd; then systemctl reload ceph-osd; fi"
"""A unit that runs already looks for further OSDs, and those that it has go on."""
