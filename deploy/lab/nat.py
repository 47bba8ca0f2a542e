"""The way out for bare hosts, which fetch packages themselves: the runner forwards for them and lends its address."""

import json

from deploy.inventory import Cluster
from deploy.journal import JOURNAL
from deploy.lab import names, tuning
from deploy.lab.shell import run, succeeds


def ensure(cluster: Cluster) -> None:
    """Let the hosts of a bare image out; hosts of a full one need nothing and get no way."""
    if cluster.lab is None or cluster.lab.image != "bare":
        return
    tuning.at_least(tuning.FORWARD, 1)
    run("nft", "-f", "-", stdin=rules(cluster))
    for chain in _dropping():
        JOURNAL.emit(
            "note",
            f"the runner's packet filter drops what is forwarded by default ({chain}): if hosts cannot fetch packages, "
            f"accept interface {names.runner_link('management')} there",
        )


def rules(cluster: Cluster) -> str:
    """The nftables table, replacing itself as a whole."""
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
    """Close the way out."""
    if succeeds("nft", "list", "table", "inet", names.MARK):
        run("nft", "delete", "table", "inet", names.MARK)


def _dropping() -> list[str]:
    """Chains of others that drop forwarded packets unless told otherwise: an accept elsewhere does not help."""
    chains = (entry.get("chain", {}) for entry in json.loads(run("nft", "-j", "list", "chains"))["nftables"])
    return [
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward" and chain.get("policy") == "drop"
    ]
