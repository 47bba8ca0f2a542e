"""Networks of the lab: one bridge per network in the room's namespace, and a veth pair to every host."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from deploy.errors import LabError
from deploy.inventory import Cluster, Network, Node
from deploy.lab import names
from deploy.lab.shell import run, succeeds

_NO_FILTER = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")


def runner_address(network: Network) -> IPv4Address:
    """Return the runner's address on a network: the network's gateway, else its first address."""
    return network.gateway or next(network.cidr.hosts())


def namespaces() -> set[str]:
    """Return the names of the lab's existing network namespaces."""
    listed = json.loads(run("ip", "-j", "netns", "list") or "[]")
    return {entry["name"] for entry in listed if entry["name"].startswith(names.PREFIX)}


def refuse_taken(cluster: Cluster) -> None:
    """Raise LabError where the runner already has an interface name or a subnet that the lab needs."""
    wanted = {names.runner_link(network.name): network for network in cluster.networks.values()}
    links = _json("link")
    own = {link["ifname"] for link in links if link.get("ifalias") == names.MARK}
    for taken in sorted({link["ifname"] for link in links} & set(wanted) - own):
        raise LabError(
            f"the runner has an interface {taken} that is not the lab's",
            hint=f"rename or remove it: ip link delete {taken}",
        )
    for where, cidr in _subnets(own):
        for network in wanted.values():
            if cidr.overlaps(network.cidr):
                raise LabError(
                    f"networks.{network.name}.cidr {network.cidr} overlaps a network the runner already has",
                    seen=f"{cidr} on {where}",
                    hint="copy the inventory, give the network another cidr and pass it with --inventory",
                )


def build(cluster: Cluster) -> None:
    """Create the room's namespace, the bridges and the runner's interfaces where they are missing."""
    if names.ROOM not in namespaces():
        run("ip", "netns", "add", names.ROOM)
    for key in (*_NO_FILTER, "net.ipv6.conf.all.disable_ipv6"):
        # No packet filter may see bridged frames. Kernels without br_netfilter lack these keys.
        value = "1" if key.startswith("net.ipv6") else "0"
        succeeds("ip", "netns", "exec", names.ROOM, "sysctl", "-qw", f"{key}={value}")
    here = {link["ifname"] for link in _json("link")}
    inside = {link["ifname"] for link in _json("link", names.ROOM)}
    for network in cluster.networks.values():
        _batch(names.ROOM, _bridge(network) if names.bridge(network.name) not in inside else [])
        if names.runner_link(network.name) not in here:
            _plug_in_runner(network)


def attach(cluster: Cluster, node: Node) -> None:
    """Create a host's network namespace anew, with its interfaces, addresses and default route."""
    detach(cluster, node.name)
    run("ip", "netns", "add", names.netns(node.name))
    outer, inner = [], ["link set lo up"]
    for network in cluster.networks.values():
        outer += _cable(cluster, node, network)
        if node.addresses.get(network.name):
            inner.append(f"address add {node.addresses[network.name]}/{network.cidr.prefixlen} dev {network.interface}")
        inner.append(f"link set {network.interface} up")
    inner.append(f"route add default via {_way_out(cluster, node)}")
    _batch(names.ROOM, outer)
    _batch(names.netns(node.name), inner)


def _way_out(cluster: Cluster, node: Node) -> IPv4Address:
    """Return the next hop of a host's default route: the runner, or the controller that is the others' way out."""
    name = cluster.options.way_out
    return cluster.node(name).management if name not in {"", node.name} else runner_address(cluster.management)


def cut(cluster: Cluster, node: str) -> None:
    """Remove the outer ends of a host's interfaces; no packet leaves the host afterwards."""
    if names.ROOM not in namespaces():
        return
    inside = {link["ifname"] for link in _json("link", names.ROOM)}
    for network in cluster.networks.values():
        cable = names.cable(cluster, node, network)
        if cable in inside:
            succeeds("ip", "-n", names.ROOM, "link", "delete", cable)


def detach(cluster: Cluster, node: str) -> None:
    """Remove a host's interfaces and its network namespace, with every address in it."""
    cut(cluster, node)
    if names.netns(node) in namespaces():
        run("ip", "netns", "delete", names.netns(node))


def remove() -> None:
    """Remove all namespaces and runner's interfaces of any lab on this machine."""
    for link in _json("link"):
        if link.get("ifalias") == names.MARK:
            succeeds("ip", "link", "delete", link["ifname"])
    for namespace in namespaces():
        run("ip", "netns", "delete", namespace)


def _bridge(network: Network) -> list[str]:
    # No multicast snooping: without a querier it loses the VRRP advertisements of virtual routers.
    name = names.bridge(network.name)
    return [
        f"link add {name} mtu {network.mtu} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
        f"link set {name} up",
    ]


def _plug_in_runner(network: Network) -> None:
    link, peer = names.runner_link(network.name), f"to-{names.runner_link(network.name)}"[:15]
    outer = [
        f"link add {link} mtu {network.mtu} type veth peer name {peer} mtu {network.mtu} netns {names.ROOM}",
        f"link set {link} alias {names.MARK}",
        f"address add {runner_address(network)}/{network.cidr.prefixlen} dev {link}",
        f"link set {link} up",
    ]
    _batch("", outer)
    _batch(names.ROOM, [f"link set {peer} master {names.bridge(network.name)} up"])


def _cable(cluster: Cluster, node: Node, network: Network) -> list[str]:
    outer, inner = names.cable(cluster, node.name, network), network.interface
    address, space = names.mac(cluster, node.name, network), names.netns(node.name)
    peer = f"name {inner} address {address} mtu {network.mtu} netns {space}"
    return [
        f"link add {outer} mtu {network.mtu} type veth peer {peer}",
        f"link set {outer} master {names.bridge(network.name)} up",
    ]


def _batch(namespace: str, lines: list[str]) -> None:
    if lines:
        run("ip", *(["-n", namespace] if namespace else []), "-batch", "-", stdin="\n".join(lines) + "\n")


def _json(what: str, namespace: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        run("ip", *(["-n", namespace] if namespace else []), "-j", what, "show") or "[]"
    )
    return found


def _subnets(own: set[str]) -> Iterator[tuple[str, IPv4Network]]:
    for link in _json("address"):
        for entry in link.get("addr_info", []):
            if entry["family"] == "inet" and link["ifname"] not in own:
                yield link["ifname"], IPv4Network(f"{entry['local']}/{entry['prefixlen']}", strict=False)
    for route in json.loads(run("ip", "-j", "-4", "route", "show", "table", "all") or "[]"):
        if (
            route.get("dev") not in own
            and route["dst"] != "default"
            and route.get("type") not in {"local", "broadcast"}
        ):
            yield f"a route by {route.get('dev', route.get('type'))}", IPv4Network(route["dst"], strict=False)
