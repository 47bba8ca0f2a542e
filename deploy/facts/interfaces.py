"""Interfaces: a host's network interfaces, their addresses, and the routes that use them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import CommandFailed
from deploy.host import Reads


@dataclass(frozen=True)
class Interface:
    """One interface. `master` is the bridge or bond the interface is a port of."""

    name: str
    mac: str = ""
    mtu: int = 0
    up: bool = False
    """True where the interface is set up and has a carrier."""
    master: str = ""
    addresses: tuple[str, ...] = ()
    """IPv4 addresses of global scope."""


def read(host: Reads) -> dict[str, Interface]:
    """Return every interface of one host, by name; CommandFailed where it lists none: every host has a loopback."""
    links = parse(text := host.check("ip -j addr show"))
    if not links:
        raise CommandFailed(f"{host.name}: its interfaces: not known", expected="a list in JSON", seen=text[:300])
    return links


def parse(text: str) -> dict[str, Interface]:
    """Parse `ip -j addr show` of iproute2; an empty dict where the text is something else."""
    try:
        return {link["ifname"]: _interface(link) for link in json.loads(text) if "ifname" in link}
    except (ValueError, TypeError, AttributeError):
        return {}


def _interface(link: Mapping[str, Any]) -> Interface:
    return Interface(
        name=link["ifname"],
        mac=link.get("address", ""),
        mtu=link.get("mtu", 0),
        up={"UP", "LOWER_UP"} <= set(link.get("flags", [])),
        master=link.get("master", ""),
        addresses=tuple(
            entry["local"]
            for entry in link.get("addr_info", [])
            if entry.get("family") == "inet" and entry.get("scope") == "global"
        ),
    )


def addresses(links: Mapping[str, Interface], name: str) -> tuple[str, ...]:
    """Return the addresses of an interface and of its bridge, since Neutron moves addresses to the bridge."""
    interface = links[name]
    above = links.get(interface.master)
    return interface.addresses + (above.addresses if above else ())


def holder(links: Mapping[str, Interface], address: str) -> str:
    """Return the name of the interface with that address; empty: none."""
    return next((name for name, interface in links.items() if address in interface.addresses), "")


def holds(host: Reads, address: object) -> bool:
    """True where the host has the IPv4 address; CommandFailed where `ip` does not answer within 3 s."""
    return f" {address}/" in host.check("ip -4 -o addr show", timeout=3)


def routes(host: Reads, port: int) -> dict[str, str]:
    """Return the interface of each route by destination: the default route, and the peers of SSH sessions on `port`."""
    return parse_routes(
        host.check(
            "ip -j route show default; echo; "
            "ss -Htn state established '( sport = :%s )' | while read -r _ _ _ peer _; do"
            ' peer=${peer%%:*}; peer=${peer#\\[::ffff:}; ip -j route get "${peer%%]}"; echo; done',
            port,
        )
    )


def parse_routes(text: str) -> dict[str, str]:
    """Parse lines of JSON: the default routes, then the route to each session's peer."""
    routes = [route for line in text.splitlines() if line.strip() for route in json.loads(line)]
    return {route.get("dst", ""): route.get("dev", "") for route in routes}


@dataclass(frozen=True)
class Route:
    """One route of the main table."""

    destination: str
    device: str = ""
    gateway: str = ""
    kind: str = "unicast"
    """Also `blackhole`, `unreachable` or `prohibit`."""

    def __str__(self) -> str:
        over = f"via {self.gateway}" if self.gateway else f"over {self.device or 'no device'}"
        return f"{self.destination} {over}" if self.kind == "unicast" else f"{self.kind} {self.destination}"


def defaults(host: Reads) -> list[Route]:
    """Return the IPv4 default routes, the preferred one first; CommandFailed where `ip` fails."""
    return parse_within(host.check("ip -j -4 route show default"))


def within(host: Reads, network: object) -> list[Route]:
    """Return the IPv4 routes to a network and to parts of it; CommandFailed where `ip` fails."""
    return parse_within(host.check("ip -j -4 route show root %s", network))


def parse_within(text: str) -> list[Route]:
    """Parse `ip -j route show` of iproute2; an empty list where the text is something else."""
    try:
        return [
            Route(entry["dst"], entry.get("dev", ""), entry.get("gateway", ""), entry.get("type", "unicast"))
            for entry in json.loads(text)
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
