"""Ceph's monitors and the accounts that they keep: made where they are missing, and what differs set right."""

from collections.abc import Mapping
from shlex import quote

from deploy import rados
from deploy.errors import StepFailed
from deploy.facts import ceph, ceph_disks
from deploy.facts.ceph_ask import Question, ask
from deploy.host import Host
from deploy.making import start
from deploy.rados import Account
from deploy.site import Site
from deploy.wait import until

QUORUM = 90.0
"""Seconds until monitors that run have found each other and elected a leader; 2 to 4 on the lab's hosts."""
KEYRING = "/etc/ceph/ceph.mon.keyring"

# The monitor's data appears under its name when it is whole.
_MKFS = """set -eu
new=/var/lib/ceph/mon/.new-{name}
rm -rf -- "$new"
install -d -o ceph -g ceph -m 0750 "$new"
map=$(mktemp)
trap 'rm -f -- "$map"' EXIT
monmaptool --create --clobber --fsid {fsid} {monitors} "$map" >/dev/null
chown ceph:ceph "$map"
runuser -u ceph -- ceph-mon --mkfs -i {name} --monmap "$map" --keyring {keyring} --mon-data "$new"
rmdir -- /var/lib/ceph/mon/ceph-{name} 2>/dev/null || :
sync -f "$new"
mv -T -- "$new" /var/lib/ceph/mon/ceph-{name}
"""


def ensure(site: Site) -> None:
    """Let every monitor run in one quorum, then forget those of machines that the inventory no longer has."""
    members = site.members("ceph-mon")
    born = members.each(_born)
    if not any(born.values()):
        _refuse_orphans(site)
    for name, there in born.items():
        if not there:
            _make(site, members[name])
    members.each(lambda host: start.start(site, host, "ceph", "ceph-mon"))
    until(
        lambda: members.each(ceph.monitor),
        ready=lambda found: all(each.state in {"leader", "peon"} for each in found.values()),
        timeout=QUORUM,
        what="ceph: the monitors",
        expected="all of them in one quorum",
        hint="journalctl -u ceph-mon on the storage nodes; their clocks must agree, and port 3300 be open among them",
    )
    lead = members.first
    for name in sorted(set(ceph.monitors(lead)) - set(members)):
        tell(lead, f"removed the monitor of {name}", Question.of("mon rm", name=name))


def _born(host: Host) -> bool:
    return host.run("[ -e /var/lib/ceph/mon/ceph-%s/store.db ]", host.name).ok


def _refuse_orphans(site: Site) -> None:
    """Refuse to begin a new cluster where hosts have OSDs: their data would be out of reach for ever."""
    found = site.members("ceph-osd").each(ceph_disks.folders)
    with_data = [name for name, folders in found.items() if any(folder.ready for folder in folders)]
    if with_data:
        raise StepFailed(
            f"ceph: no monitor has data, and {', '.join(with_data)} {'has' if len(with_data) == 1 else 'have'} OSDs",
            expected="the data of at least one monitor, or no OSD",
            seen="/var/lib/ceph/mon is empty on every storage node",
            hint="restore a monitor's folder, or rebuild one from the OSDs (Ceph's manual: recovery using OSDs)",
        )


def _make(site: Site, host: Host) -> None:
    """Make one monitor. One that joins a running cluster takes the present map from the others when it starts."""
    at = {node.name: site.addresses.at(node, "ceph-mon", "messages") for node in site.cluster.role("storage")}
    listed = (f"--addv {quote(name)} {quote(f'[v2:{address.authority}]')}" for name, address in at.items())
    script = _MKFS.format(name=host.name, fsid=rados.fsid(site.secrets), monitors=" ".join(listed), keyring=KEYRING)
    host.change("made a monitor", script, timeout=120)


def accounts(site: Site) -> None:
    """Give every account its key and its rights."""
    lead = site.members("ceph-mon").first
    there, wanted = ceph.accounts(lead), rados.accounts(site.cluster, site.catalogue, site.secrets)
    differing = {name: each for name, each in wanted.items() if there.get(name) != each}
    if not differing:
        return
    tell(
        lead, f"set the keys and rights of {', '.join(differing)}", Question.of("auth import", given=keyring(differing))
    )


def tell(lead: Host, what: str, *commands: Question) -> None:
    """Give the monitors commands, and journal them as one change; StepFailed for the first that they refuse."""
    for command, said in zip(commands, ask(lead, *commands), strict=True):
        if said.code:
            raise StepFailed(
                f"ceph: `{command.prefix}` was refused; what was to be done: {what}",
                expected="success",
                seen=f"{said.code}: {said.message}",
                hint=f"ceph status on {lead.name}",
            )
    lead.changed(what)


def keyring(accounts: Mapping[str, Account]) -> str:
    """Return a file of keys as Ceph reads it."""
    lines = []
    for name, account in accounts.items():
        lines += [f"[{name}]", f"\tkey = {account.key}"]
        lines += [f'\tcaps {kind} = "{right}"' for kind, right in account.rights.items()]
    return "\n".join([*lines, ""])
