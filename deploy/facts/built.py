"""Built: the cluster that a host was built for, and the fingerprint of the secrets that it was built with."""

from dataclasses import dataclass

from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class Built:
    """Both empty on a host that no build has touched; `identity` is also empty where an earlier version built it."""

    cluster: str = ""
    identity: str = ""


def read(host: Reads) -> Built:
    """Read one host; CommandFailed where the answer is not complete."""
    return parse(whole(host, "cluster and identity", host.check("exec sh -s", stdin=_SCRIPT)))


def parse(text: str) -> Built:
    """Parse lines of `cluster <name>` and `identity <fingerprint>`."""
    found = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    return Built(found.get("cluster", "").strip(), found.get("identity", "").strip())


_SCRIPT = f"""
for what in cluster identity; do
  [ ! -s /etc/stackproof/$what ] || echo "$what $(head -n 1 /etc/stackproof/$what)"
done
echo {END}
"""
