"""etcd: one cluster of all controllers, which serves clients with a certificate of its own authority."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from deploy.catalogue import Project
from deploy.facts import etcd, systemd
from deploy.finding import Finding
from deploy.host import Host
from deploy.making import amiss as findings
from deploy.making import ordinary, start
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

ELECT = 60.0
"""Seconds until running members have found each other and elected a leader."""

_PLAIN = "ETCDCTL_API=3 etcdctl --command-timeout=3s --endpoints %s member"
# The account is in the environment of one command, so that no command line shows the password. No account:
# authentication is off already, since an earlier build was killed in between.
_RETIRE = f"""set -eu
read -r account || :
told() {{ {etcd.ETCDCTL} --endpoints %s "$@"; }}
[ -z "$account" ] || (export ETCDCTL_USER="$account"; told auth disable)
told user delete root
told role delete root || :
"""


def complete(site: Site) -> None:
    """Secure a cluster of an earlier version, let all members run, then retire the account that it may have."""
    _secure(site)
    ordinary.complete(site, "etcd")
    _retire(site)


def _secure(site: Site) -> None:
    """Convert a cluster without TLS: all members learn the new addresses, then all stop and start, with their data.

    One at a time is not possible: a member with TLS and one without do not talk to each other. A build that was killed
    in between goes on here, as a member lists the others also without them.
    """
    members = site.members("etcd")
    listed = {name: found for name, found in members.each(lambda host: _plain(site, host)).items() if found}
    if not listed:
        return
    name, registered = next(iter(listed.items()))
    wanted = {host.name: str(site.addresses.at(host.node, "etcd", "peers")) for host in members.values()}
    for member in registered:
        url = wanted.get(member.name, "")
        if url and member.urls != (url,):
            asked = _without_tls(site, members[name])
            members[name].check(f"{_PLAIN} update %s --peer-urls %s", asked, member.identifier, url)
    members.each(lambda host: host.change("stopped etcd, to start it with TLS", "systemctl stop etcd"))
    members.each(lambda host: start.start(site, host, "etcd"))


def _plain(site: Site, host: Host) -> tuple[etcd.Registered, ...]:
    """Return the members that the one on that host lists without TLS; only one whose files changed is asked."""
    unit = systemd.units(host, ["etcd"])["etcd"]
    if not (unit.pending and unit.is_active):
        return ()
    return etcd.parse_registered(host.run(f"{_PLAIN} list -w json", _without_tls(site, host), timeout=20).out)


def _without_tls(site: Site, host: Host) -> str:
    return str(replace(site.addresses.at(host.node, "etcd"), scheme="http"))


def _retire(site: Site) -> None:
    """Turn authentication off, which earlier versions turned on: clients of the JSON gateway cannot sign in.

    By now every member refuses clients without a certificate.
    """
    host = site.members("etcd").first
    url = str(site.addresses.at(host.node, "etcd"))
    said = until(
        lambda: etcd.guard(host, url),
        ready=lambda said: not said or _is_guarded(said),
        timeout=ELECT,
        what=f"{host.name}: etcd's accounts",
        expected="an answer of a member with a leader",
        hint="journalctl -u etcd on the controllers",
    )
    if said or "root" in etcd.accounts(host, url):
        host.check(_RETIRE, url, stdin=f"root:{site.secrets['etcd.root']}\n" if said else "", timeout=30)
        host.changed("turned etcd's authentication off, and deleted its account: clients have certificates")


def _is_guarded(said: str) -> bool:
    return any(reason in said for reason in etcd.GUARDED)


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield members that do not run, and a cluster whose members do not all answer or do not agree on one leader."""
    yield from findings.ordinary(now, "etcd")
    members = now.site.members("etcd")
    endpoints = ",".join(map(str, now.site.addresses.members("etcd")))
    status = now.first(members, lambda host: etcd.status(host, endpoints), "etcd", usable=lambda each: each.members > 0)
    if not status.whole(len(members)):
        yield Finding(
            f"etcd: {status.members} of {len(members)} members answer, and report {_leaders(status)}",
            hint="journalctl -u etcd on the controllers",
        )


def _leaders(status: etcd.EtcdStatus) -> str:
    match len(status.leaders - {0}):
        case 0:
            return "no leader"
        case 1 if 0 in status.leaders:
            return "one leader or none"
        case count:
            return f"{count} leader{'' if count == 1 else 's'}"


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss, settles=START + ELECT)
