"""What hosts and instances of the lab may open on the runner: Redfish, from the controllers, and nothing else.

The rules look at single packets, so that they cannot change how a connection of the runner's own probes ends.
"""

from urllib.parse import urlsplit

from deploy.inventory import Cluster
from deploy.inventory.power import Redfish
from deploy.lab import names
from deploy.lab.shell import run, succeeds

TABLE = f"{names.MARK}-runner"
EPHEMERAL = 32768
"""The first port of the runner's own UDP clients (net.ipv4.ip_local_port_range), to which answers come."""


def ensure(cluster: Cluster) -> None:
    """Load the rules, in place of those of an earlier run."""
    run("nft", "-f", "-", stdin=rules(cluster))


def remove() -> None:
    """Remove the rules."""
    if succeeds("nft", "list", "table", "inet", TABLE):
        run("nft", "delete", "table", "inet", TABLE)


def rules(cluster: Cluster) -> str:
    """Return the nftables rules; loading them replaces the whole table."""
    links = ", ".join(f'"{names.runner_link(name)}"' for name in cluster.networks)
    controllers = ", ".join(str(node.management) for node in cluster.role("controller"))
    powers = {urlsplit(node.power.url).port for node in cluster.nodes if isinstance(node.power, Redfish)}
    management = names.runner_link("management")
    redfish = "".join(
        f'        iifname "{management}" ip saddr {{ {controllers} }} tcp dport {port} accept\n'
        for port in sorted(port for port in powers if port)
    )
    return f"""\
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
    chain input {{
        type filter hook input priority filter;
        iifname {{ {links} }} jump lab
    }}
    chain lab {{
{redfish}        tcp flags & (syn | ack) == syn drop
        udp dport < {EPHEMERAL} drop
    }}
    chain forward {{
        type filter hook forward priority filter;
        iifname {{ {links} }} oifname {{ {links} }} drop
    }}
}}
"""
