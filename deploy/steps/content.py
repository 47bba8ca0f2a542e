"""The first content of the cloud: guest image, flavors, provider network, and clients' files on the runner."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy import cloud, guest, paths
from deploy.catalogue import Project
from deploy.content import IMAGE, NETWORK
from deploy.errors import StepFailed
from deploy.finding import Finding
from deploy.guest import GuestImage
from deploy.journal import JOURNAL
from deploy.making import ordinary
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step

if TYPE_CHECKING:
    from openstack.connection import Connection

SUBNET = "provider"
MARK = "stackproof_checksum"
"""The property of our images: the checksum of the guest image in the build's cache."""
PARTS = (f"{IMAGE}-kernel", f"{IMAGE}-ramdisk")
PHYSICAL = "provider"
"""The physical network in Neutron's configuration. Only the administrator makes networks on it, and one flat network at
most can exist there."""
FLAVORS = {"m1.nano": (1, 128, 1), "m1.tiny": (1, 512, 1), "m1.small": (1, 2048, 20)}
"""vCPUs, MiB of memory and GiB of disk, by name."""


def complete(site: Site) -> None:
    """Create image, flavors and network, as far as the cluster has their APIs; write clients' files on the runner."""
    with cloud.explained("creating the first content"), cloud.connect(site) as session:
        if site.catalogue.has("glance"):
            image = guest.obtain(site.cluster.image, paths.cache())
            _image(session, guest.as_raw(image, paths.cache()) if "ceph" in site.cluster.features else image)
        if site.catalogue.has("nova"):
            _flavors(session)
        if site.catalogue.has("neutron"):
            _network(site, session)
    for path, text in client_files(site).items():
        _write_private(path, text)


def client_files(site: Site) -> dict[Path, str]:
    """Return the text of clouds.yaml and the openrc files, by path on the runner."""
    rendered = site.render(site.members("content").first.node, site.catalogue.step("content"))
    folder = paths.state(site.cluster.name)
    there, here = site.platform.paths["trusted"], site.ca
    return {folder / Path(file.path).name: file.text.replace(there, here) for file in rendered}


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield missing content, as the demo user of clouds.yaml lists it: image, flavors, provider network.

    The user signs in each time: a cluster at which nobody can sign in is not whole.
    """
    catalogue = now.site.catalogue
    with cloud.explained("reading the first content"), cloud.connect(now.site, cloud.DEMO, anew=True) as session:
        present, wanted = set(), []
        if catalogue.has("glance"):
            wanted.append(f"image {IMAGE}")
            public = session.image.images(name=IMAGE, visibility="public")
            present |= {f"image {image.name}" for image in public}
        if catalogue.has("nova"):
            wanted += [f"flavor {name}" for name in FLAVORS]
            present |= {f"flavor {flavor.name}" for flavor in session.compute.flavors(details=False)}
        if catalogue.has("neutron"):
            wanted.append(f"network {NETWORK}")
            everybodys = {"is_router_external" if now.site.cluster.options.tenant_networks else "is_shared": True}
            networks = session.network.networks(name=NETWORK, **everybodys)
            present |= {f"network {network.name}" for network in networks}
    yield from (Finding(f"the cloud's first content lacks {name}") for name in wanted if name not in present)


def _flavors(session: Connection) -> None:
    for name, (cores, memory, disk) in FLAVORS.items():
        if not session.compute.find_flavor(name):
            session.compute.create_flavor(name=name, vcpus=cores, ram=memory, disk=disk)
            _changed(f"created flavor {name}")


def _image(session: Connection, image: GuestImage) -> None:
    """Upload the image, and delete what earlier builds uploaded; an image that this tool did not make stays.

    Ours is what the administrator's project owns and has the property MARK. A tenant's image has another owner.
    """
    there = list(session.image.images(name=IMAGE, owner=session.current_project_id))
    if strange := [each.id for each in there if not _mark(each)]:
        raise StepFailed(
            f"an image {IMAGE} of the administrator's project was not made by this tool",
            expected=f"no image of that name in that project without the property {MARK}",
            seen=", ".join(strange),
            hint="rename it: openstack image set --name <another name> <ID>",
        )
    uploaded = [each for name in PARTS for each in session.image.images(name=name, owner=session.current_project_id)]
    whole = {each.id for each in uploaded if each.status == "active"}
    active = [each for each in there if each.status == "active" and _parts(each) <= whole]
    current = [each for each in active if _mark(each) == image.checksum][:1]
    parts = {current[0].id, *_parts(current[0])} if current else _upload_whole(session, image)
    for old in there:
        # A kernel and a ramdisk belong to one image only, so they go with it.
        _dismiss(session, old.id, _parts(old) - parts, is_current=old.id in parts)
    for left in uploaded:  # of an upload that did not come to its end
        if _mark(left) and left.id not in {*parts, *(part for old in there for part in _parts(old))}:
            session.image.delete_image(left)
            _changed(f"removed image {left.name} ({left.id}), which no image uses")


def _dismiss(session: Connection, identifier: str, parts: set[str], *, is_current: bool) -> None:
    """Delete an image that is not current, and the parts; where Ceph keeps its data for clones, rename all of them."""
    from openstack.exceptions import HttpException  # noqa: PLC0415 - see cloud.connect()

    try:
        if not is_current:
            session.image.delete_image(identifier)
            _changed(f"removed image {IMAGE} ({identifier}), which is no longer the inventory's")
    except HttpException:
        for each in (identifier, *parts):
            session.image.update_image(each, name=f"{IMAGE}-{each}")
        _changed(f"renamed image {IMAGE} ({identifier}), of which disks of instances are clones")
        return
    for part in parts:
        session.image.delete_image(part)


def _mark(image: Any) -> str:
    return str((image.properties or {}).get(MARK, ""))


def _parts(image: Any) -> set[str]:
    """Return the identifiers of an image's kernel and ramdisk."""
    return {each for each in (image.kernel_id, image.ramdisk_id) if each}


def _upload_whole(session: Connection, image: GuestImage) -> set[str]:
    """Upload the image, with its kernel and ramdisk first; return the identifiers of all."""
    mark = {MARK: image.checksum}
    parts = {}
    if image.kernel and image.ramdisk:
        kernel, ramdisk = PARTS
        parts["kernel_id"] = _upload(session, kernel, image.kernel, "aki", **mark).id
        parts["ramdisk_id"] = _upload(session, ramdisk, image.ramdisk, "ari", **mark).id
    whole = _upload(session, IMAGE, image.disk, image.disk_format, hw_rng_model="virtio", **mark, **parts)
    return {whole.id, *parts.values()}


def _upload(session: Connection, name: str, path: Path, kind: str, **properties: str) -> Any:
    with path.open("rb") as stream:
        made = session.image.create_image(
            name=name,
            data=stream,
            disk_format=kind,
            container_format=kind if kind in {"aki", "ari"} else "bare",
            visibility="public",
            validate_checksum=False,
            wait=True,
            **properties,
        )
    _changed(f"uploaded image {name} ({path.stat().st_size >> 20} MiB)")
    return made


def _network(site: Site, session: Connection) -> None:
    provider = site.cluster.provider
    external = site.cluster.options.tenant_networks
    network = next(
        iter(session.network.networks(provider_network_type="flat", provider_physical_network=PHYSICAL)), None
    )
    if network and network.name != NETWORK:
        raise StepFailed(
            f"the provider network has another name than {NETWORK}",
            expected=f"no network, or one named {NETWORK}, on the physical network {PHYSICAL}",
            seen=f"network {network.name} ({network.id})",
            hint=f"openstack network set --name {NETWORK} {network.id}, if tenants use it as the provider network",
        )
    if not network:
        network = session.network.create_network(
            name=NETWORK,
            provider_network_type="flat",
            provider_physical_network=PHYSICAL,
            is_router_external=external,
            is_shared=not external,
            mtu=provider.mtu,
        )
        _changed(f"created network {NETWORK}")
    if not session.network.find_subnet(SUBNET, network_id=network.id):
        assert provider.pool is not None  # noqa: S101 - the inventory's checks require it
        session.network.create_subnet(
            name=SUBNET,
            network_id=network.id,
            ip_version=4,
            cidr=str(provider.cidr),
            gateway_ip=str(provider.gateway) if provider.gateway else None,
            allocation_pools=[{"start": str(provider.pool[0]), "end": str(provider.pool[1])}],
            is_dhcp_enabled=not external,
            dns_nameservers=[str(address) for address in site.cluster.options.dns],
        )
        _changed(f"created subnet {SUBNET}")


def _write_private(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
    JOURNAL.emit("change", f"wrote {path}", host="runner")


def _changed(change: str) -> None:
    JOURNAL.emit("change", change, host="api")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete, amiss=amiss, settles=0.0)
