"""etcd: members, and who leads."""

import json
from dataclasses import dataclass

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
    result = host.run(
        "ETCDCTL_API=3 etcdctl --command-timeout=3s --endpoints %s endpoint status -w json", endpoints, timeout=20
    )
    return parse(result.out)


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
