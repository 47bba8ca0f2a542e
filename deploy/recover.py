"""Recovery after a disaster, which no step does by itself: it takes an operator's decision."""

import re
from dataclasses import dataclass

from deploy.errors import StepFailed
from deploy.facts import galera as facts
from deploy.host import Host, Hosts
from deploy.journal import JOURNAL
from deploy.site import Site
from deploy.steps.galera import joined
from deploy.wait import until

JOIN = 300.0
"""Seconds a member may take to receive what it missed; a full copy of a grown database takes longer than a build's."""
BY_THEMSELVES = 60.0
"""Seconds members that are starting may take to find each other; ten is usual."""
GIVEN_UP = 20
"""Seconds a member may take to stop before it is killed."""
_POSITION = re.compile(r"Recovered position:\s*([0-9a-f-]{36}):(-?\d+)")


@dataclass(frozen=True)
class Position:
    """The last transaction a member has on disk."""

    uuid: str
    seqno: int


def position(text: str) -> Position | None:
    """What `mariadbd --wsrep-recover` logs; None where it found none."""
    found = _POSITION.search(text)
    return Position(found[1], int(found[2])) if found else None


def galera(site: Site) -> str:
    """Start a Galera cluster of which no member runs: the one with the newest data first. Returns what was done.

    Members that all lost power find each other by themselves (Galera keeps its last view in gvwstate.dat), so
    those that are starting get a minute for that first. Raises StepFailed, having changed nothing but stopped
    units, when a member already serves, when a position cannot be read, or when the members do not belong to
    one cluster.
    """
    hosts, service = site.members("galera"), site.catalogue["galera"]
    serving = _serving(hosts)
    if serving:
        raise StepFailed(
            f"galera: {', '.join(serving)} serves; there is nothing to recover",
            hint=f"start {service.unit} on the members that are down: they join by themselves",
        )
    if _found_each_other(hosts, service.unit):
        return "Galera runs again; its members found each other by themselves"
    hosts.each(
        lambda host: host.change(f"stopped {service.unit}", _STOP.format(unit=service.unit), timeout=GIVEN_UP + 60)
    )
    positions = hosts.each(lambda host: _position(host, service.runs_as))
    if len({place.uuid for place in positions.values()}) > 1:
        raise StepFailed(
            "galera: the members' data comes from different clusters",
            expected="one UUID",
            seen=", ".join(f"{name}: {place.uuid}" for name, place in positions.items()),
            hint="decide which data is the cluster's, and move /var/lib/mysql away on the other members",
        )
    newest = max(positions, key=lambda name: positions[name].seqno)
    for name, place in positions.items():
        JOURNAL.emit("note", f"has everything up to transaction {place.seqno}", host=name)
    _bootstrap(site, hosts[newest])
    for host in hosts.without(newest).values():
        host.change(f"started {service.unit}", f"systemctl start {service.unit}", timeout=JOIN)
        joined(site, host, timeout=JOIN)
    return f"Galera runs again, from the data of {newest}"


def _serving(hosts: Hosts) -> list[str]:
    return [name for name, seen in hosts.each(facts.status).items() if seen.synced]


def _found_each_other(hosts: Hosts, unit: str) -> bool:
    """True once all are synced; False where not all of them are even starting, or a minute was not enough."""
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
            hint="its database may be damaged; move /var/lib/mysql away there, and it takes a full copy when it joins",
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


# A member without a primary component may ignore that it is to end, for as long as its unit allows (15 min). It
# serves nobody, and InnoDB survives a kill as it survived the power loss.
_STOP = f"""systemctl stop --no-block {{unit}}
for second in $(seq {GIVEN_UP}); do
  case $(systemctl is-active {{unit}} || :) in inactive|failed) exit 0 ;; esac
  sleep 1
done
systemctl kill -s KILL {{unit}}
systemctl stop {{unit}}
"""
