"""Recovery of Galera after the loss of all members. No step does it, because it needs an operator's decision."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.errors import StepFailed
from deploy.facts import galera as facts
from deploy.host import Host, Hosts
from deploy.journal import JOURNAL
from deploy.site import Site
from deploy.steps.galera import joined
from deploy.wait import until

JOIN = 300.0
"""Seconds a member may take to rejoin. A full copy of a used database takes longer than in a build."""
BY_THEMSELVES = 60.0
"""Seconds starting members may take to find each other; ten are usual."""
STOP_SECONDS = 20
"""Seconds a member may take to stop before it is killed."""
_POSITION = re.compile(r"Recovered position:\s*([0-9a-f-]{36}):(-?\d+)")


@dataclass(frozen=True)
class Position:
    """The last transaction on a member's disk: the cluster's UUID and the sequence number."""

    uuid: str
    seqno: int


def position(text: str) -> Position | None:
    """Parse the log of `mariadbd --wsrep-recover`; None where it has no position."""
    found = _POSITION.search(text)
    return Position(found[1], int(found[2])) if found else None


def galera(site: Site) -> str:
    """Start a Galera cluster without a running member, the member with the newest data first. Returns a summary.

    After a power loss of all members, starting members find each other by themselves (Galera saves its last view in
    gvwstate.dat); they get a minute for that first. Raises StepFailed where a member already serves, a position cannot
    be read, or the members belong to different clusters. Until then only units have been stopped.
    """
    hosts, service = site.members("galera"), site.catalogue["galera"]
    serving = _serving(hosts)
    if serving:
        raise StepFailed(
            f"galera: nothing to recover, since {', '.join(serving)} already serves",
            hint=f"start {service.unit} on the stopped members; they join by themselves",
        )
    if _found_each_other(hosts, service.unit):
        return "Galera runs again; its members found each other by themselves"
    hosts.each(
        lambda host: host.change(f"stopped {service.unit}", _STOP.format(unit=service.unit), timeout=STOP_SECONDS + 60)
    )
    positions = with_data(hosts.each(lambda host: _position(host, service.runs_as)))
    newest = max(positions, key=lambda name: positions[name].seqno)
    for name, place in positions.items():
        JOURNAL.emit("note", f"has all transactions up to {place.seqno}", host=name)
    _bootstrap(site, hosts[newest])
    for host in hosts.without(newest).values():
        host.change(f"started {service.unit}", f"systemctl start {service.unit}", timeout=JOIN)
        joined(site, host, timeout=JOIN)
    return f"Galera runs again, from the data of {newest}"


def with_data(positions: Mapping[str, Position]) -> dict[str, Position]:
    """Return the positions of the members that have data, which must be of one cluster; else StepFailed.

    A member that never joined has none: a build was killed after it had started the first member. Such a member gets
    all data from the others.
    """
    found = {name: place for name, place in positions.items() if place.uuid != facts.NO_UUID}
    if not found:
        raise StepFailed(
            "galera: no member has data",
            expected="the position of a transaction on one member at least",
            seen=", ".join(positions),
            hint="a build starts a new cluster: python -m pytest -m deploy",
        )
    if len({place.uuid for place in found.values()}) > 1:
        raise StepFailed(
            "galera: the members' data comes from different clusters",
            expected="one UUID",
            seen=", ".join(f"{name}: {place.uuid}" for name, place in found.items()),
            hint="decide which data to keep, and move /var/lib/mysql away on the members of the other clusters",
        )
    return found


def _serving(hosts: Hosts) -> list[str]:
    return [name for name, status in hosts.each(facts.status).items() if status.synced]


def _found_each_other(hosts: Hosts, unit: str) -> bool:
    """Wait up to a minute; True once all members are synced, False at once where not every unit is starting."""
    if not all(member.running for member in hosts.each(lambda host: facts.saved(host, unit)).values()):
        return False
    JOURNAL.emit("note", f"all members are starting; they get {BY_THEMSELVES:g} s to find each other")
    try:
        until(lambda: len(_serving(hosts)) == len(hosts), timeout=BY_THEMSELVES, interval=1)
    except StepFailed:
        return False
    return True


def _position(host: Host, account: str) -> Position:
    out = host.run(
        f"log=$(mktemp) && chown {account} $log && su -s /bin/sh {account} -c"
        ' "mariadbd --wsrep-recover --disable-log-error 2> $log"; cat $log; rm -f $log',
        timeout=120,
    ).out
    place = position(out)
    if place is None:
        raise StepFailed(
            f"{host.name}: its Galera position could not be read",
            expected="`Recovered position: UUID:seqno` from mariadbd --wsrep-recover",
            seen=out[-400:],
            hint="its database may be damaged; move /var/lib/mysql away there, and the member joins with a full copy",
        )
    return place


def _bootstrap(site: Site, host: Host) -> None:
    host.change(
        "bootstrapped the Galera cluster with the newest data",
        "sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat\n"
        "rm -f /var/lib/mysql/gvwstate.dat\n"
        "galera_new_cluster",
        timeout=120,
    )
    joined(site, host, timeout=JOIN)


# A member without a primary component may ignore SIGTERM for as long as its unit allows (15 min). It serves no
# client, and InnoDB survives a kill as it survived the power loss.
_STOP = f"""systemctl stop --no-block {{unit}}
for second in $(seq {STOP_SECONDS}); do
  case $(systemctl is-active {{unit}} || :) in inactive|failed) exit 0 ;; esac
  sleep 1
done
systemctl kill -s KILL {{unit}}
systemctl stop {{unit}}
"""
