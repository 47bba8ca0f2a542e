"""NAT for bare hosts, which install packages themselves: the runner forwards and masquerades their traffic."""

import json

from deploy.inventory import Cluster
from deploy.journal import JOURNAL
from deploy.lab import names, tuning
from deploy.lab.shell import run, succeeds


def ensure(cluster: Cluster) -> None:
    """Set up NAT for the hosts of a bare image; hosts of a full image need none and get none."""
    if cluster.lab is None or cluster.lab.image != "bare":
        return
    tuning.at_least(tuning.FORWARD, 1)
    run("nft", "-f", "-", stdin=rules(cluster))
    for chain in _dropping():
        JOURNAL.emit(
            "note",
            f"the runner's packet filter drops forwarded packets by default ({chain}): if hosts cannot fetch packages, "
            f"accept interface {names.runner_link('management')} there",
        )


def rules(cluster: Cluster) -> str:
    """Return the nftables rules; loading them replaces the whole table."""
    inside, link = cluster.management.cidr, names.runner_link("management")
    return f"""\
table inet {names.MARK}
delete table inet {names.MARK}
table inet {names.MARK} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        ip saddr {inside} ip daddr != {inside} oifname != "{names.PREFIX}*" masquerade
    }}
    chain forward {{
        type filter hook forward priority filter;
        iifname "{link}" accept
        oifname "{link}" ct state established,related accept
    }}
}}
"""


def remove() -> None:
    """Remove the nftables table."""
    if succeeds("nft", "list", "table", "inet", names.MARK):
        run("nft", "delete", "table", "inet", names.MARK)


def _dropping() -> list[str]:
    """Return the forward chains whose policy is drop. An accept in our table does not override such a policy."""
    chains = (entry.get("chain", {}) for entry in json.loads(run("nft", "-j", "list", "chains"))["nftables"])
    return [
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward" and chain.get("policy") == "drop"
    ]
