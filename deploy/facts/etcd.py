"""etcd: members, and who leads."""

import json
from dataclasses import dataclass
from typing import Any

from deploy.host import Reads


@dataclass(frozen=True)
class EtcdStatus:
    """What all endpoints together tell."""

    members: int = 0
    leaders: frozenset[int] = frozenset()
    revisions: frozenset[int] = frozenset()

    def whole(self, members: int) -> bool:
        """All answer and agree on one leader."""
        return self.members == members > 0 and len(self.leaders) == 1 and 0 not in self.leaders


def status(host: Reads, endpoints: str) -> EtcdStatus:
    """Ask every endpoint (comma-separated URLs) from that host."""
    return parse(_ask(host, endpoints))


def _ask(host: Reads, endpoints: str) -> str:
    return host.run(
        "ETCDCTL_API=3 etcdctl --command-timeout=3s --endpoints %s endpoint status -w json", endpoints, timeout=20
    ).out


@dataclass(frozen=True)
class EtcdMember:
    """What one endpoint tells."""

    cluster: int
    member: int
    leader: int
    """0: it knows of none."""
    revision: int
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class EtcdHealth:
    """Whether one member reads through the cluster."""

    healthy: bool = False
    told: str = ""
    """What stood in the way, or what etcdctl said."""


def health(host: Reads, endpoint: str) -> EtcdHealth:
    """Let one endpoint read what the majority agrees on, within etcdctl's own 5 s.

    Not `/health`: that has a record written to the disks of a majority within 1 s, and asks one disk more than clients.
    """
    told = host.run("ETCDCTL_API=3 etcdctl --endpoints %s endpoint health -w json", endpoint, timeout=20)
    return parse_health(told.out) or EtcdHealth(told=told.err.strip() or told.out.strip() or "no answer")


def parse_health(text: str) -> EtcdHealth | None:
    """`etcdctl endpoint health -w json` of one endpoint; None where that is not what it says."""
    try:
        [told] = json.loads(text)
        return EtcdHealth(told["health"] is True, str(told.get("error", "")))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def members(host: Reads, endpoints: str) -> dict[str, EtcdMember]:
    """Ask every endpoint (comma-separated URLs) from that host; those that answer, by endpoint."""
    return parse_members(_ask(host, endpoints))


def parse_members(text: str) -> dict[str, EtcdMember]:
    """`etcdctl endpoint status -w json`."""
    try:
        return {entry["Endpoint"]: _member(entry["Status"]) for entry in json.loads(text)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _member(told: dict[str, Any]) -> EtcdMember:
    header = told["header"]
    return EtcdMember(
        cluster=int(header["cluster_id"]),
        member=int(header["member_id"]),
        leader=int(told.get("leader", 0)),
        revision=int(header.get("revision", 0)),
        alarms=tuple(map(str, told.get("errors", ()))),
    )


def parse(text: str) -> EtcdStatus:
    """`etcdctl endpoint status -w json`."""
    try:
        told = [entry["Status"] for entry in json.loads(text)]
        return EtcdStatus(
            members=len(told),
            leaders=frozenset(int(entry.get("leader", 0)) for entry in told),
            revisions=frozenset(int(entry["header"].get("revision", 0)) for entry in told),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return EtcdStatus()
