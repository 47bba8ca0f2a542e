"""Clusters that several tests are about."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from deploy import catalogue, inventory
from deploy.inventory import Cinder, Cluster, Lab, Network, Services
from deploy.inventory.checks import APART
from deploy.inventory.power import Ipmi

PLATFORMS = sorted(file.stem for file in inventory.PLATFORMS.glob("*.toml"))


def with_every_feature() -> Cluster:
    """A cluster that lacks no project and no feature but those of other back ends, so that it lacks no service."""
    cluster = with_every_project("production.example")
    ipmi = Ipmi(driver="ipmi", address="10.20.1.11", user="stackproof", password_file=Path("bmc"))
    nodes = tuple(replace(node, power=ipmi) if node.name == "controller01" else node for node in cluster.nodes)
    return replace(
        cluster, nodes=nodes, options=replace(cluster.options, router_health_check=True, way_out="controller01")
    )


def with_every_project(profile: str) -> Cluster:
    """The cluster of a built-in inventory where it has chosen every project of templates/."""
    return replace(inventory.load(profile), services=Services(tuple(catalogue.load().projects)))


def with_networks_apart() -> Cluster:
    """The lab's cluster with each network of APART: 10.77.1.0/24 for tunnels, and so on; its VIP is 10.77.3.30."""
    cluster = inventory.load("lab")
    extra = {"tunnel": "10.77.1", "migration": "10.77.2", "public": "10.77.3", "storage": "10.77.4"}
    networks = {
        name: Network(name, IPv4Network(f"{start}.0/24"), f"eth{number}", mtu=9000)
        for number, (name, start) in enumerate(extra.items(), 5)
    }
    nodes = tuple(
        replace(
            node,
            addresses=node.addresses
            | {
                name: IPv4Address(f"{start}.{int(node.management) % 256}")
                for name, start in extra.items()
                if set(APART[name]) & set(node.roles)
            },
        )
        for node in cluster.nodes
    )
    return replace(cluster, vip=IPv4Address("10.77.3.30"), nodes=nodes, networks=cluster.networks | networks)


def with_controllers(count: int) -> Cluster:
    """The lab's cluster with that many controllers, three or more."""
    cluster = inventory.load("lab")
    last = cluster.role("controller")[-1]
    more = [
        replace(
            last,
            name=f"controller{number:02}",
            addresses={name: address + 100 + number for name, address in last.addresses.items()},
        )
        for number in range(4, count + 1)
    ]
    return replace(cluster, nodes=(*cluster.nodes, *more))


def with_storage(cluster: Cluster) -> Cluster:
    """A cluster of the lab with three storage nodes, Ceph and Cinder."""
    first = cluster.role("compute")[0]
    stores = [
        replace(first, name=f"storage{number:02}", roles=("storage",), addresses=_next(first.addresses, 200 + number))
        for number in (1, 2, 3)
    ]
    nodes = (*(node for node in cluster.nodes if "storage" not in node.roles), *stores)
    chosen = dict.fromkeys((*(cluster.services.chosen or ()), "ceph", "cinder"))
    return replace(cluster, nodes=nodes, services=Services(tuple(chosen)))


def without_ceph(cluster: Cluster) -> Cluster:
    """A cluster that has its nodes still, and neither Ceph nor what needs it."""
    chosen = (name for name in cluster.services.chosen or () if name not in {"ceph", "cinder"})
    return replace(cluster, services=Services(tuple(chosen)))


def with_backend(backend: Literal["lvm", "nfs"]) -> Cluster:
    """The cluster of the example inventory with its volumes in LVM on the storage nodes, or in two NFS exports."""
    cluster = inventory.load("production.example")
    chosen = tuple(name for name in cluster.services.chosen or () if name != "ceph")
    group, shares = ("cinder-volumes", ()) if backend == "lvm" else ("", ("10.20.0.41:/srv/volumes", "filer:/more"))
    cinder = Cinder(backend, volume_group=group, shares=shares)
    return replace(cluster, services=Services(chosen), cinder=cinder)


def _next(addresses: Mapping[str, IPv4Address], by: int) -> dict[str, IPv4Address]:
    return {name: address + by for name, address in addresses.items()}


def bare(count: int) -> Cluster:
    """That many hosts of the lab, all computes, with the bare image."""
    cluster = inventory.load("lab-small")
    first = cluster.role("compute")[0]
    nodes = tuple(
        replace(
            first,
            name=f"host{number:02}",
            addresses={name: address + 100 + number for name, address in first.addresses.items()},
        )
        for number in range(1, count + 1)
    )
    return replace(cluster, nodes=nodes, vip=None, lab=Lab(image="bare"))


def choosing(profile: str, *projects: str) -> Cluster:
    """The cluster of a built-in inventory where it has chosen only those of the optional projects."""
    return replace(inventory.load(profile), services=Services(projects))
