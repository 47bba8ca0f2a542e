"""etcd: members, leader, revisions and health."""

import json
from dataclasses import dataclass
from typing import Any

from deploy.facts.ended import END, whole
from deploy.host import Reads

AUTHORITY = "/etc/stackproof/etcd/authority.pem"
MEMBER = "/etc/stackproof/etcd/member.pem"
"""Key and certificate of the host's own member, with which root asks."""
PROVEN = f"ETCDCTL_API=3 ETCDCTL_CACERT={AUTHORITY} ETCDCTL_CERT={MEMBER} ETCDCTL_KEY={MEMBER}"
ETCDCTL = f"{PROVEN} etcdctl --command-timeout=3s"
REFUSED = "alert"
"""A member ends the connection of a client without a certificate with an alert of TLS."""
GUARDED = "user name is empty", "user name not found", "permission denied"
"""What a member says to a client without an account, where a build of an earlier version turned authentication on."""


@dataclass(frozen=True)
class EtcdStatus:
    """The combined status of all endpoints that answered."""

    members: int = 0
    leaders: frozenset[int] = frozenset()
    revisions: frozenset[int] = frozenset()

    def whole(self, members: int) -> bool:
        """True where `members` endpoints answered and agree on one leader."""
        return self.members == members > 0 and len(self.leaders) == 1 and 0 not in self.leaders


def status(host: Reads, endpoints: str) -> EtcdStatus:
    """Query every endpoint (comma-separated URLs) from that host; endpoints that do not answer are left out."""
    return parse(_ask(host, endpoints))


def _ask(host: Reads, endpoints: str) -> str:
    return host.run(f"{ETCDCTL} --endpoints %s endpoint status -w json", endpoints, timeout=20).out


@dataclass(frozen=True)
class EtcdMember:
    """The status of one endpoint. `cluster` 0: the endpoint did not answer."""

    cluster: int = 0
    member: int = 0
    leader: int = 0
    """The leader's member ID; 0: this member knows no leader."""
    revision: int = 0
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class EtcdHealth:
    """Whether one member can read with quorum."""

    healthy: bool = False
    message: str = ""
    """The error, or what etcdctl printed."""


def health(host: Reads, endpoint: str) -> EtcdHealth:
    """Make one endpoint do a linearizable read, within 15 s; etcdctl's own 5 s are short on a machine that is busy.

    `/health` is stricter than clients are: it needs a record on the disks of a majority within 1 s, and one disk more.
    """
    command = f"{PROVEN} etcdctl --command-timeout=15s --endpoints %s endpoint health -w json"
    result = host.run(command, endpoint, timeout=20)
    return parse_health(result.out) or EtcdHealth(message=result.err.strip() or result.out.strip() or "no answer")


def parse_health(text: str) -> EtcdHealth | None:
    """Parse `etcdctl endpoint health -w json` of one endpoint; None where the text is something else."""
    try:
        [entry] = json.loads(text)
        return EtcdHealth(entry["health"] is True, str(entry.get("error", "")))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def members(host: Reads, endpoints: str) -> dict[str, EtcdMember]:
    """Query every endpoint (comma-separated URLs) from that host; return the members that answer, by endpoint."""
    return parse_members(_ask(host, endpoints))


def parse_members(text: str) -> dict[str, EtcdMember]:
    """Parse `etcdctl endpoint status -w json`; an empty dict where the text is something else."""
    try:
        return {entry["Endpoint"]: _member(entry["Status"]) for entry in json.loads(text)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _member(status: dict[str, Any]) -> EtcdMember:
    header = status["header"]
    return EtcdMember(
        cluster=int(header["cluster_id"]),
        member=int(header["member_id"]),
        leader=int(status.get("leader", 0)),
        revision=int(header.get("revision", 0)),
        alarms=tuple(map(str, status.get("errors", ()))),
    )


def parse(text: str) -> EtcdStatus:
    """Parse `etcdctl endpoint status -w json`; `EtcdStatus()` where the text is something else."""
    try:
        statuses = [entry["Status"] for entry in json.loads(text)]
        return EtcdStatus(
            members=len(statuses),
            leaders=frozenset(int(entry.get("leader", 0)) for entry in statuses),
            revisions=frozenset(int(entry["header"].get("revision", 0)) for entry in statuses),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return EtcdStatus()


@dataclass(frozen=True)
class Registered:
    """One member of the list that etcd itself keeps; `urls` are those of its peers."""

    name: str
    urls: tuple[str, ...]
    learner: bool
    identifier: str = ""
    """The member ID as etcdctl takes it: hexadecimal digits."""


def registered(host: Reads, endpoint: str) -> tuple[Registered, ...]:
    """Return the members that one endpoint lists; an empty tuple where it does not answer."""
    return parse_registered(host.run(f"{ETCDCTL} --endpoints %s member list -w json", endpoint, timeout=20).out)


def parse_registered(text: str) -> tuple[Registered, ...]:
    """Parse `etcdctl member list -w json`; an empty tuple where the text is something else."""
    try:
        return tuple(
            Registered(
                entry.get("name", ""), tuple(entry["peerURLs"]), entry.get("isLearner", False), f"{entry['ID']:x}"
            )
            for entry in json.loads(text)["members"]
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()


def accounts(host: Reads, endpoint: str) -> list[str]:
    """Return etcd's users and roles; CommandFailed without an answer, and where authentication is on."""
    ask = f"{ETCDCTL} --endpoints %s user list && {ETCDCTL} --endpoints %s role list && echo {END}"
    listed = host.check(ask, endpoint, endpoint, timeout=20)
    return whole(host, "etcd's accounts", listed).split()


def guard(host: Reads, endpoint: str) -> str:
    """Return why one endpoint does not list its users; empty where it lists them, so where authentication is off."""
    result = host.run(f"{ETCDCTL} --endpoints %s user list", endpoint, timeout=20)
    return "" if result.ok else result.err.strip() or "no answer"


def refusal(host: Reads, address: str, port: int) -> str:
    """Return how the member at that address refuses a client without a certificate; empty where it serves that client.

    etcdctl would only say that it got no answer in time.
    """
    result = host.run("exec python3 -IS - %s %s", address, port, stdin=_NAMELESS, timeout=20)
    return "" if result.ok and result.out.strip() == "served" else result.out.strip() or "no answer"


_NAMELESS = f"""
import http.client, ssl, sys
context = ssl.create_default_context(cafile="{AUTHORITY}")
member = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=5, context=context)
try:
    member.request("GET", "/version")
    member.getresponse().read()
    print("served")
except (OSError, http.client.HTTPException) as refused:
    print(refused)
"""
