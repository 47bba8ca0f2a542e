"""Recorded: what should be on each host by the records of Neutron and Nova, to compare with what is on it.

The records are read from the database, in one query of some 10 ms. By the API the same takes two calls for each agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from deploy.facts.hosted import IDLE, Hosted
from deploy.host import Reads

EVERYWHERE = "*"
"""The host of a thing that may stay on any host: the linuxbridge agent keeps a bridge until its network is deleted."""
LOCAL = ("127.", "169.254.")
"""The start of addresses that a namespace has by itself, or for the metadata service and for keepalived."""

Things = Mapping[str, Mapping[str, frozenset[str]]]
"""Names of things by host and kind, with the kinds and names of `deploy.facts.hosted`."""


@dataclass(frozen=True)
class Router:
    """One enabled router that has L3 agents."""

    active: frozenset[str]
    """The hosts where it is active by the database; all its hosts where it is not highly available."""
    addresses: frozenset[str]
    """IPv4 and IPv6 addresses of its ports, its floating IP addresses, and keepalived's own address."""


@dataclass(frozen=True)
class Recorded:
    """All records."""

    wanted: Things = field(default_factory=dict)
    """The things that must be there, such as the tap of a running instance."""
    known: Things = field(default_factory=dict)
    """The things that may be there: those wanted, and others such as the domain of an instance that is being built."""
    routers: Mapping[str, Router] = field(default_factory=dict)
    """By UUID."""

    def missing(self, host: str, kind: str, hosted: Hosted) -> frozenset[str]:
        """Return the names of wanted things that the host lacks."""
        return _of(self.wanted, host, kind) - hosted.of(kind)

    def left_over(self, host: str, kind: str, hosted: Hosted) -> frozenset[str]:
        """Return the names of things on the host that no record explains.

        Idle bridges are left out: the agent makes one anew where a network is deleted while the agent works on it.
        """
        known = _of(self.known, host, kind) | _of(self.known, EVERYWHERE, kind)
        return hosted.of(kind) - known - hosted.of(IDLE)

    def misplaced(self, hosts: Mapping[str, Hosted]) -> dict[str, tuple[str, ...]]:
        """Return the addresses that are not on the router's active host alone, each with the hosts that have it.

        An address is named `<address> of router <UUID>`. One that a router's namespace has and no record explains is
        misplaced too, unless it is an IPv6 address, which the kernel forms by itself.
        """
        found = {}
        for router, wanted in self.routers.items():
            has = {name: hosted.addresses.get(f"qrouter-{router}", frozenset()) for name, hosted in hosts.items()}
            extra = {ip for own in has.values() for ip in own if ":" not in ip and not ip.startswith(LOCAL)}
            for address in wanted.addresses | extra:
                holders = tuple(sorted(name for name, own in has.items() if address in own))
                if len(holders) != 1 or address not in wanted.addresses or not wanted.active.issuperset(holders):
                    found[f"{address} of router {router}"] = holders
        return found


def _of(things: Things, host: str, kind: str) -> frozenset[str]:
    return things.get(host, {}).get(kind, frozenset())


def networking(host: Reads, *, nova: bool, after: int = 0) -> Recorded:
    """Return Neutron's records, from the database on that host, `after` seconds from now.

    With `nova`, the taps of running instances are wanted. CommandFailed where the query fails.
    """
    running = _RUNNING if nova else "SELECT '' AS uuid, '' AS host LIMIT 0"
    return _read(host, _NETWORKING.replace("{running}", running), after)


def instances(host: Reads, after: int = 0) -> Recorded:
    """Return Nova's records of instances, in the same way."""
    return _read(host, _INSTANCES, after)


def images(host: Reads, after: int = 0) -> frozenset[str]:
    """Return the UUIDs of all images that were not deleted, in the same way."""
    return _of(_read(host, _IMAGES, after).known, EVERYWHERE, "image")


def _read(host: Reads, query: str, after: int) -> Recorded:
    return parse(host.check("sleep %s; exec mariadb -N -B", after, stdin=query, timeout=after + 25))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> Recorded:
    """Parse rows of host, kind, name, and 1 where the thing is wanted; and of `router`, UUID, address, active hosts."""
    wanted: dict[str, dict[str, frozenset[str]]] = {}
    known: dict[str, dict[str, frozenset[str]]] = {}
    routers: dict[str, Router] = {}
    for words in (line.split("\t") for line in text.splitlines() if line.count("\t") == 3):
        if words[0] == "router":
            _, router, address, active = words
            others = routers[router].addresses if router in routers else frozenset()
            routers[router] = Router(frozenset(map(_short, active.split())), others | {address})
            continue
        name, kind, thing, flag = words
        for things in (known, wanted) if flag == "1" else (known,):
            kinds = things.setdefault(_short(name), {})
            kinds[kind] = kinds.get(kind, frozenset()) | {thing}
    return Recorded(wanted, known, routers)


def _short(host: str) -> str:
    return host.split(".", 1)[0]


_RUNNING = """SELECT uuid, host FROM nova.instances
  WHERE deleted = 0 AND vm_state = 'active' AND power_state = 1 AND task_state IS NULL"""

_NETWORKING = """
WITH running AS (
  {running}
), serving AS (
  SELECT a.host, b.network_id, a.admin_state_up AND n.admin_state_up AS wanted,
    EXISTS (SELECT 1 FROM neutron.subnets s WHERE s.network_id = b.network_id AND s.enable_dhcp AND s.ip_version = 4
      AND NOT EXISTS (SELECT 1 FROM neutron.ipallocations i JOIN neutron.routerports r ON r.port_id = i.port_id
        WHERE i.subnet_id = s.id AND i.ip_address = s.gateway_ip)) AS isolated
  FROM neutron.networkdhcpagentbindings b JOIN neutron.agents a ON a.id = b.dhcp_agent_id
  JOIN neutron.networks n ON n.id = b.network_id
  WHERE EXISTS (SELECT 1 FROM neutron.subnets s WHERE s.network_id = b.network_id AND s.enable_dhcp)
), routing AS (
  SELECT a.host, r.id AS router_id, IFNULL(x.ha, 0) AS ha, a.admin_state_up AND r.admin_state_up AS wanted,
    IFNULL(h.state, 'active') = 'active' AS active
  FROM neutron.routerl3agentbindings b JOIN neutron.agents a ON a.id = b.l3_agent_id
  JOIN neutron.routers r ON r.id = b.router_id LEFT JOIN neutron.router_extra_attributes x ON x.router_id = r.id
  LEFT JOIN neutron.ha_router_agent_port_bindings h ON h.router_id = r.id AND h.l3_agent_id = a.id
), wired AS (
  SELECT b.host, p.id, p.network_id, 'ns-' AS start, s.wanted AND p.admin_state_up AS wanted
  FROM neutron.ports p JOIN neutron.ml2_port_bindings b ON b.port_id = p.id
  JOIN serving s ON s.host = b.host AND s.network_id = p.network_id WHERE p.device_owner = 'network:dhcp'
UNION ALL
  SELECT a.host, p.id, p.network_id, 'ha-', r.wanted
  FROM neutron.ha_router_agent_port_bindings h JOIN neutron.agents a ON a.id = h.l3_agent_id
  JOIN neutron.ports p ON p.id = h.port_id JOIN routing r ON r.host = a.host AND r.router_id = h.router_id
UNION ALL
  SELECT r.host, p.id, p.network_id, IF(p.device_owner = 'network:router_gateway', 'qg-', 'qr-'),
    r.wanted AND p.admin_state_up
  FROM routing r JOIN neutron.routerports o ON o.router_id = r.router_id JOIN neutron.ports p ON p.id = o.port_id
  WHERE p.device_owner <> 'network:router_ha_interface'
UNION ALL
  SELECT b.host, p.id, p.network_id, '', b.vif_type = 'bridge' AND i.uuid IS NOT NULL
  FROM neutron.ports p JOIN neutron.ml2_port_bindings b ON b.port_id = p.id
  LEFT JOIN running i ON i.uuid = p.device_id AND i.host = b.host
  WHERE b.host <> '' AND p.device_owner NOT LIKE 'network:%'
)
SELECT host, 'namespace', CONCAT('qdhcp-', network_id), wanted FROM serving
UNION ALL SELECT host, 'dnsmasq', network_id, wanted FROM serving
UNION ALL SELECT host, 'metadata proxy', network_id, wanted AND isolated FROM serving
UNION ALL SELECT host, 'namespace', CONCAT('qrouter-', router_id), wanted FROM routing
UNION ALL SELECT host, 'keepalived', router_id, wanted FROM routing WHERE ha
UNION ALL SELECT host, 'metadata proxy', router_id, wanted AND active FROM routing
UNION ALL SELECT host, 'tap', CONCAT('tap', LEFT(id, 11)), wanted FROM wired
UNION ALL SELECT host, 'port in a namespace', CONCAT(start, LEFT(id, 11)), wanted FROM wired WHERE start <> ''
UNION ALL SELECT host, 'bridge', CONCAT('brq', LEFT(network_id, 11)), MAX(wanted) FROM wired GROUP BY host, network_id
UNION ALL SELECT '*', 'bridge', CONCAT('brq', LEFT(id, 11)), 0 FROM neutron.networks
UNION ALL SELECT w.host, 'vxlan', CONCAT('vxlan-', s.segmentation_id), MAX(w.wanted) FROM wired w
  JOIN neutron.networksegments s ON s.network_id = w.network_id AND s.network_type = 'vxlan' GROUP BY w.host, s.id
UNION ALL SELECT '*', 'vxlan', CONCAT('vxlan-', segmentation_id), 0 FROM neutron.networksegments
  WHERE network_type = 'vxlan';
WITH addressed AS (
  SELECT router_id, CONCAT('169.254.0.', ha_vr_id) AS address FROM neutron.router_extra_attributes WHERE ha
UNION
  SELECT o.router_id, i.ip_address FROM neutron.routerports o JOIN neutron.ipallocations i ON i.port_id = o.port_id
  WHERE o.port_type <> 'network:router_ha_interface'
UNION
  SELECT router_id, floating_ip_address FROM neutron.floatingips WHERE fixed_port_id IS NOT NULL
)
SELECT 'router', d.router_id, d.address,
  IFNULL(GROUP_CONCAT(IF(IFNULL(h.state, 'active') = 'active', a.host, NULL) SEPARATOR ' '), '')
FROM addressed d JOIN neutron.routers r ON r.id = d.router_id AND r.admin_state_up
JOIN neutron.routerl3agentbindings b ON b.router_id = r.id JOIN neutron.agents a ON a.id = b.l3_agent_id
LEFT JOIN neutron.ha_router_agent_port_bindings h ON h.router_id = r.id AND h.l3_agent_id = a.id
GROUP BY d.router_id, d.address;
"""

_INSTANCES = """
WITH alive AS (
  SELECT uuid, host, vm_state = 'active' AND power_state = 1 AND task_state IS NULL AS running,
    vm_state IN ('active', 'stopped', 'paused', 'suspended', 'rescued', 'resized', 'shelved') AND task_state IS NULL
      AS settled
  FROM nova.instances WHERE deleted = 0 AND host IS NOT NULL
), moving AS (
  SELECT i.uuid, m.source_compute, m.dest_compute FROM nova.migrations m
  JOIN nova.instances i ON i.uuid = m.instance_uuid AND i.deleted = 0
  WHERE m.status NOT IN ('confirmed', 'reverted', 'completed', 'cancelled', 'error', 'failed')
), kinds AS (SELECT 'instance' AS kind UNION SELECT 'domain' UNION SELECT 'instance folder')
SELECT host, kind, uuid, IF(kind = 'instance', running, settled) FROM alive, kinds
UNION ALL SELECT source_compute, kind, uuid, 0 FROM moving, kinds
UNION ALL SELECT dest_compute, kind, uuid, 0 FROM moving, kinds WHERE dest_compute IS NOT NULL;
"""

_IMAGES = "SELECT '*', 'image', id, 0 FROM glance.images WHERE deleted = 0;"
