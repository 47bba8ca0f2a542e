"""Network: Neutron's agents, and the networks and routers on each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.facts.ended import END, whole
from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection


@dataclass(frozen=True)
class Agent:
    """One agent; `host` is the host's short name."""

    binary: str
    host: str
    alive: bool
    enabled: bool
    tunnel: str
    """The local address of the agent's tunnels; empty: the agent has no tunnels."""


@dataclass(frozen=True)
class Carried:
    """A network or router, and the hosts of the agents that serve it, sorted."""

    name: str
    hosts: tuple[str, ...]


def agents(cloud: Connection) -> list[Agent]:
    """Return every agent Neutron has a record of."""
    return [
        Agent(
            binary=agent.binary,
            host=agent.host.split(".")[0],
            alive=agent.is_alive,
            enabled=agent.is_admin_state_up,
            tunnel=(agent.configuration or {}).get("tunneling_ip") or "",
        )
        for agent in cloud.network.agents()
    ]


def networks(cloud: Connection) -> list[Carried]:
    """Return every network that has a subnet with DHCP, and the hosts of its DHCP agents."""
    served = {subnet.network_id for subnet in cloud.network.subnets() if subnet.is_dhcp_enabled}
    carried: dict[str, list[str]] = {network: [] for network in served}
    for agent in cloud.network.agents(binary="neutron-dhcp-agent"):
        for network in cloud.network.dhcp_agent_hosting_networks(agent):
            carried.setdefault(network.id, []).append(agent.host)
    return [
        Carried(f"{network.name} ({network.id})", tuple(sorted(carried[network.id])))
        for network in cloud.network.networks()
        if network.id in served
    ]


def routers(cloud: Connection) -> list[Carried]:
    """Return every HA router, and the hosts of its L3 agents."""
    carried: dict[str, list[str]] = {}
    for agent in cloud.network.agents(binary="neutron-l3-agent"):
        for router in cloud.network.agent_hosted_routers(agent):
            carried.setdefault(router.id, []).append(agent.host)
    return [
        Carried(f"{router.name} ({router.id})", tuple(sorted(carried.get(router.id, ()))))
        for router in cloud.network.routers()
        if router.is_ha
    ]


def active(host: Reads) -> list[Carried]:
    """Return every enabled HA router older than a minute and the hosts where it is active, from that host's database.

    A new router is active nowhere until its agents have configured it and elected a master, which takes 10 s here.
    CommandFailed without a whole answer.
    """
    text = host.check("mariadb -N -B", stdin=_ACTIVE, timeout=20)
    return parse_active(whole(host, "highly available routers in the database", text))


def parse_active(text: str) -> list[Carried]:
    """Parse rows of router, host and state."""
    found: dict[str, list[str]] = {}
    for router, host, state in (line.split("\t") for line in text.splitlines()):
        found.setdefault(router, []).extend([host] if state == "active" else [])
    return [Carried(router, tuple(sorted(hosts))) for router, hosts in found.items()]


def flooded(host: Reads) -> dict[str, frozenset[str]]:
    """Return every VXLAN device of that host, and the tunnel ends it floods broadcast and unknown unicast to.

    CommandFailed without whole answers.
    """
    devices = host.check(f"ip -o link show type vxlan && echo {END}")
    entries = host.check(f"bridge fdb show && echo {END}")
    return parse_flooded(whole(host, "VXLAN devices", devices), whole(host, "forwarding entries", entries))


def parse_flooded(devices: str, entries: str) -> dict[str, frozenset[str]]:
    """Parse lines of `ip -o link show` and of `bridge fdb show`."""
    found: dict[str, set[str]] = {line.split()[1].rstrip(":"): set() for line in devices.splitlines()}
    for words in map(str.split, entries.splitlines()):
        if words[0] == "00:00:00:00:00:00" and "dst" in words:
            found.setdefault(words[words.index("dev") + 1], set()).add(words[words.index("dst") + 1])
    return {device: frozenset(ends) for device, ends in found.items()}


_ACTIVE = """
SELECT CONCAT(r.name, ' (', r.id, ')'), a.host, b.state FROM neutron.ha_router_agent_port_bindings b
JOIN neutron.routers r ON r.id = b.router_id JOIN neutron.agents a ON a.id = b.l3_agent_id
JOIN neutron.standardattributes s ON s.id = r.standard_attr_id
WHERE r.admin_state_up AND s.created_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE;
SELECT 'END';
""".replace("END", END)
