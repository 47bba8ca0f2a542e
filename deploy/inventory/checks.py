"""Contradictions inside one inventory: values that are valid alone and impossible together."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from deploy.errors import meant
from deploy.inventory.model import Ceph, Cinder, Cluster, Network, Node, Role
from deploy.inventory.power import Ipmi, Libvirt, Redfish

Mistake = tuple[str, str]
"""A key of the file, and the mistake at that key."""

NETWORKS = ("management", "provider")
"""The networks every cluster has."""

APART: dict[str, tuple[Role, ...]] = {
    "public": ("controller",),
    "tunnel": ("network", "compute"),
    "migration": ("compute",),
    "storage": ("controller", "compute", "storage"),
}
"""Networks that a cluster may have besides, and the roles whose nodes then need an address on them. `public` has the
VIP and its clients, `tunnel` carries VXLAN, `migration` the memory and disks of instances that move, `storage` the
traffic with storage machines."""

_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_INTERFACE = re.compile(r"[^\s/:]{1,15}")
_REGION = re.compile(r"[A-Za-z0-9._-]{1,255}")
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]*")
_LIBVIRT = re.compile(r"[a-z][a-z0-9+]*://[^\s]*")
_DOMAIN = re.compile(r"|[^\s/-][^\s/]*")
_SOURCE = re.compile(r"deb(-src)?\s+(\[(?P<options>[^\]]*)\]\s+)?[a-z][a-z0-9+.-]*:\S+(\s+[^\s\[\]]+)+")
_UNSIGNED = {"trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure"}
"""Options of a package source that let packages through whose signature is missing or bad."""
_DISK = re.compile(r"/dev/[A-Za-z0-9._:+@/-]+")
_FILE = re.compile(r"file:[1-9][0-9]{0,4}")
_SETTING = re.compile(r"[a-z][a-z0-9_/]*")
_OURS = ("fsid", "mon_host", "public_network", "keyring", "osd_pool_default_size", "osd_pool_default_min_size")
"""Settings of Ceph that a build derives from the inventory; all that begin with `auth_` are a build's as well."""
_GROUP = re.compile(r"(?!-|\.\.?$)[A-Za-z0-9+_.-]{1,127}")
_SHARE = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-f:]+\]):/[^\s,]*")
_FLAVOR = re.compile(r"[A-Za-z0-9._-]{1,255}")
_GENERATED = "0123456789abcdef" * 2
"""A password like those that a build makes (deploy/secrets.py)."""
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def check(cluster: Cluster, platforms: Collection[str], projects: Collection[str]) -> list[Mistake]:
    """Return every contradiction, in the order of the file. `platforms` and `projects` are the known names."""
    return [
        *_names(cluster, platforms),
        *_networks(cluster),
        *_roles(cluster),
        *_missing_addresses(cluster),
        *_outside(cluster),
        *_twice(cluster),
        *_vip(cluster),
        *_tls(cluster),
        *_pool(cluster),
        *_services(cluster, projects),
        *_router_health_check(cluster),
        *_way_out(cluster),
        *_options(cluster),
        *_passwords(cluster),
        *_power(cluster),
        *_image(cluster),
        *_capacity(cluster),
        *_disks(cluster),
        *_ceph(cluster),
        *_cinder(cluster),
    ]


def _names(cluster: Cluster, platforms: Collection[str]) -> Iterator[Mistake]:
    rule = "is not a host name: lower-case letters, digits and dashes, at most 63"
    if not _HOSTNAME.fullmatch(cluster.name):
        yield "cluster.name", f"{cluster.name!r} {rule}"
    if not _REGION.fullmatch(cluster.region):
        yield "cluster.region", f"{cluster.region!r} is not a region: letters, digits, dots, dashes, underscores"
    if cluster.platform not in platforms:
        yield (
            "cluster.platform",
            f"no platform named {cluster.platform}{meant(cluster.platform, platforms)}; known: {', '.join(platforms)}",
        )
    for node in cluster.nodes:
        if not _HOSTNAME.fullmatch(node.name) or node.name == "localhost":
            yield f"nodes.{node.name}", f"{node.name!r} {rule}, and not localhost"


def _networks(cluster: Cluster) -> Iterator[Mistake]:
    for name in NETWORKS:
        if name not in cluster.networks:
            yield f"networks.{name}", "missing; every cluster has a management and a provider network"
    for name, network in cluster.networks.items():
        if not _HOSTNAME.fullmatch(name) or name in {"roles", "power", "disks"}:
            yield f"networks.{name}", f"{name!r} is not a network name: lower-case letters, digits and dashes"
        if not _INTERFACE.fullmatch(network.interface):
            yield f"networks.{name}.interface", f"{network.interface!r} is not the name of a network interface"
    for interface, count in Counter(network.interface for network in cluster.networks.values()).items():
        for name, network in cluster.networks.items():
            if count > 1 and network.interface == interface:
                yield f"networks.{name}.interface", f"{interface} serves {count} networks; each needs its own"


def _roles(cluster: Cluster) -> Iterator[Mistake]:
    idle = [node for node in cluster.nodes if not node.roles]
    if idle:  # the nodes of a role cannot be counted while a node's roles are unknown
        for node in idle:
            yield f"nodes.{node.name}.roles", "empty"
        return
    controllers = len(cluster.role("controller"))
    if controllers and controllers % 2 == 0:
        yield (
            "nodes.roles",
            f"{controllers} controllers run the database; an even number cannot keep a quorum "
            "when the network splits, use 1, 3 or 5",
        )
    if controllers > 1 and cluster.vip is None:
        yield "cluster.vip", f"missing; {controllers} controllers need an address to share"
    if controllers == 1 and cluster.vip is not None:
        yield "cluster.vip", "set, but there is only one controller to hold it"
    for role in ("controller", "network", "compute"):
        if not cluster.role(role):
            yield "nodes.roles", f"no node has the role {role}"


def _missing_addresses(cluster: Cluster) -> Iterator[Mistake]:
    for node in cluster.nodes:
        if "management" not in node.addresses:
            yield f"nodes.{node.name}.management", "missing; every node needs a management address"
    for name in cluster.networks:
        for node in cluster.role(*APART.get(name, ())):
            if name not in node.addresses:
                yield f"nodes.{node.name}.{name}", f"missing; each {' and '.join(APART[name])} node needs one"


def _outside(cluster: Cluster) -> Iterator[Mistake]:
    for node in cluster.nodes:
        for name, address in node.addresses.items():
            if name in cluster.networks:
                yield from _inside(f"nodes.{node.name}.{name}", address, cluster.networks[name])
    for name, network in cluster.networks.items():
        if network.gateway:
            yield from _inside(f"networks.{name}.gateway", network.gateway, network)


def _inside(key: str, address: IPv4Address, network: Network) -> Iterator[Mistake]:
    cidr = network.cidr
    if address not in cidr:
        yield key, f"{address} is not inside networks.{network.name}.cidr {cidr}"
    elif cidr.prefixlen < 31 and address in {cidr.network_address, cidr.broadcast_address}:
        yield key, f"{address} is the network or broadcast address of {cidr}, which no machine can have"


def _taken(cluster: Cluster) -> list[tuple[str, IPv4Address]]:
    """Return every address of a machine or gateway, with its key."""
    return [
        *((f"nodes.{node.name}.{name}", a) for node in cluster.nodes for name, a in node.addresses.items()),
        *((f"networks.{name}.gateway", net.gateway) for name, net in cluster.networks.items() if net.gateway),
    ]


def _twice(cluster: Cluster) -> Iterator[Mistake]:
    taken = _taken(cluster)
    uses = Counter(address for _, address in taken)
    for key, address in taken:
        if uses[address] > 1:
            others = ", ".join(other for other, same in taken if same == address and other != key)
            yield key, f"{address} is used {uses[address]} times, also by {others}"


def _vip(cluster: Cluster) -> Iterator[Mistake]:
    if cluster.vip is None:
        if "public" in cluster.networks:
            yield "networks.public", "set, but it is the network of the vip, which this cluster does not have"
        return
    if "management" in cluster.networks:
        yield from _inside("cluster.vip", cluster.vip, cluster.network("public"))
    for key, address in _taken(cluster):
        if address == cluster.vip:
            yield "cluster.vip", f"{cluster.vip} is also {key}"


def _tls(cluster: Cluster) -> Iterator[Mistake]:
    if cluster.tls == "vip" and cluster.vip is None:
        yield "cluster.tls", "set, but TLS ends in HAProxy, which only a cluster with a vip has"
    if cluster.tls == "off" and cluster.lab is None and not cluster.insecure:
        yield "cluster.tls", "off: passwords would cross the network in plain text; `insecure = true` consents to that"
    if cluster.insecure and cluster.tls != "off":
        yield "cluster.insecure", 'set, but it only goes with `tls = "off"`'
    if cluster.certificate is None:
        return
    if not cluster.encrypted:
        yield "certificate", 'set, but the cluster has no TLS: it has no vip, or `tls = "off"`'
    if (cluster.certificate.chain is None) != (cluster.certificate.key is None):
        yield "certificate", "has one of chain and key; a certificate takes both"


def _pool(cluster: Cluster) -> Iterator[Mistake]:
    key, provider = "networks.provider.pool", cluster.networks.get("provider")
    if provider is None:
        return
    if provider.pool is None:
        yield key, "missing; Neutron needs a range to hand out"
        return
    first, last = provider.pool
    for end in dict.fromkeys(provider.pool):
        yield from _inside(key, end, provider)
    if first > last:
        yield key, f"{first} comes after {last}"
    for owner, address in [*_taken(cluster), ("cluster.vip", cluster.vip)]:
        if address and first <= address <= last:
            yield key, f"holds {address}, which is {owner}"


def _services(cluster: Cluster, projects: Collection[str]) -> Iterator[Mistake]:
    chosen = cluster.services.chosen or ()
    for name in sorted(set(chosen) - set(projects)):
        yield "services.chosen", f"no project named {name}{meant(name, projects)}; known: {', '.join(projects)}"
    for name, count in Counter(chosen).items():
        if count > 1:
            yield "services.chosen", f"names {name} {count} times"


def _router_health_check(cluster: Cluster) -> Iterator[Mistake]:
    provider = cluster.networks.get("provider")
    if cluster.options.router_health_check and provider and not provider.gateway:
        yield "options.router_health_check", "set, but networks.provider has no gateway that routers could ping"


def _way_out(cluster: Cluster) -> Iterator[Mistake]:
    name = cluster.options.way_out
    if not name:
        return
    if name not in {node.name for node in cluster.role("controller")}:
        yield "options.way_out", f"{name!r} is not the name of a controller"
    if cluster.lab is not None and cluster.lab.image == "bare":
        yield "options.way_out", 'not with lab.image = "bare", whose hosts get their packages through this machine'


def _options(cluster: Cluster) -> Iterator[Mistake]:
    for server in cluster.options.ntp:
        if not _ADDRESS.fullmatch(server):
            yield "options.ntp", f"{server!r} is not a host name or IP address"
    for line in map(str.strip, cluster.options.package_sources.splitlines()):
        if not line or line.startswith("#"):
            continue
        source = _SOURCE.fullmatch(line)
        if source is None:
            yield (
                "options.package_sources",
                f"{line!r} is no source: deb, a URL, a release and components",
            )
        elif unsigned := sorted(_UNSIGNED & {option.partition("=")[0] for option in (source["options"] or "").split()}):
            yield (
                "options.package_sources",
                f"{line!r} has {unsigned[0]}: unsigned packages can be anybody's",
            )


def _passwords(cluster: Cluster) -> Iterator[Mistake]:
    """Yield rules that Keystone could not apply, and rules that would refuse the passwords of a build."""
    rules = cluster.passwords
    try:
        accepted = bool(re.match(rules.password_regex, _GENERATED))
    except re.error as error:
        yield "passwords.password_regex", f"is not a regular expression: {error}"
        return
    if not accepted:
        yield "passwords.password_regex", "refuses the passwords of the build's accounts: 32 digits and letters a to f"
    for name, value in vars(rules).items():
        if isinstance(value, str) and not value.isprintable():
            yield f"passwords.{name}", "has a line break or another character that cannot be printed"
    if rules.password_expires_days and rules.minimum_password_age >= rules.password_expires_days:
        yield "passwords.minimum_password_age", "is not below password_expires_days"


def _power(cluster: Cluster) -> Iterator[Mistake]:
    for node in cluster.nodes:
        key = f"nodes.{node.name}.power"
        match node.power:
            case Redfish(url=url) if not _is_web_address(url):
                yield f"{key}.url", f"{url!r} is not a URL such as https://10.0.0.9/redfish/v1/Systems/1"
            case Redfish(url=url, insecure=False) if urlsplit(url).scheme == "http":
                yield f"{key}.url", f"{url!r} sends the password in clear; use https, or set insecure = true beside it"
            case Ipmi(address=address) if not _ADDRESS.fullmatch(address):
                yield f"{key}.address", f"{address!r} is not a host name or IP address; the port has a key of its own"
            case Ipmi(user=user) if not 0 < len(user.encode()) <= 16:
                yield f"{key}.user", f"{user!r} has {len(user.encode())} bytes; IPMI takes 1 to 16"
            case Libvirt(uri=uri) if not _LIBVIRT.fullmatch(uri):
                yield f"{key}.uri", f"{uri!r} is not a URI such as qemu+ssh://root@kvm1/system"
            case Libvirt(domain=domain) if not _DOMAIN.fullmatch(domain):
                yield f"{key}.domain", f"{domain!r} is not the name of a libvirt domain"


def _image(cluster: Cluster) -> Iterator[Mistake]:
    image = cluster.image
    if image.file and image.url:
        yield "image", "has both file and url; name one"
    if image.url and not image.sha256:
        yield "image.sha256", "missing; an image from a URL needs a checksum"
    if image.sha256 and not _SHA256.fullmatch(image.sha256):
        yield "image.sha256", "is not a SHA-256 checksum: 64 hexadecimal digits"
    if image.sha256 and not (image.file or image.url):
        yield "image.sha256", "set, but neither file nor url is set"


def _capacity(cluster: Cluster) -> Iterator[Mistake]:
    if cluster.capacity is None:
        return
    flavors = cluster.capacity.flavors
    if not any(flavor.instances for flavor in flavors.values()):
        yield "capacity.flavors", "no instances; set how many instances of which flavor the computes must carry"
    for name in flavors:
        if not _FLAVOR.fullmatch(name):
            yield f"capacity.flavors.{name}", f"{name!r} is not a flavor: letters, digits, dots, dashes, underscores"


def _disks(cluster: Cluster) -> Iterator[Mistake]:
    for node in cluster.nodes:
        key = f"nodes.{node.name}.disks"
        if node.disks and "storage" not in node.roles:
            yield key, "set, but the node does not have the role storage"
        for disk, count in Counter(node.disks).items():
            if _FILE.fullmatch(disk):
                if cluster.lab is None:
                    yield key, f"{disk} is a file, which only a lab may use; name a disk such as /dev/disk/by-id/..."
                continue
            if not _DISK.fullmatch(disk) or ".." in disk:
                yield key, f"{disk!r} is no disk: /dev/disk/by-id/..., or in a lab file:3 for a file of 3 GiB"
            elif count > 1:
                yield key, f"names {disk} {count} times"
            elif others := _with_disk(cluster, disk, node):
                yield key, f"{disk} is also a disk of {', '.join(others)}, and its name is that of one device"


def _with_disk(cluster: Cluster, disk: str, node: Node) -> list[str]:
    """Return the other nodes that name the disk, where its name is that of one device in the world."""
    if not disk.startswith("/dev/disk/by-id/"):
        return []
    return [other.name for other in cluster.nodes if other is not node and disk in other.disks]


def _ceph(cluster: Cluster) -> Iterator[Mistake]:
    if "ceph" not in cluster.features:
        if cluster.ceph != Ceph():
            yield "ceph", "set, but services.chosen does not name ceph"
        return
    stores = cluster.role("storage")
    if len(stores) in {0, 2}:
        yield (
            "services.chosen",
            f"names ceph, and {len(stores) or 'no'} nodes have the role storage; it takes three or more, which survive "
            "the loss of one, or a single one, which does not",
        )
    for node in stores:
        if not cluster.disks(node):
            yield f"nodes.{node.name}.disks", "missing; Ceph needs a disk of its own on each storage node"
    groups = cluster.ceph.placement_groups
    if groups and groups & (groups - 1):
        yield "ceph.placement_groups", f"{groups} is not a power of two"
    for name, value in cluster.ceph.settings.items():
        if not _SETTING.fullmatch(name) or not value.isprintable():
            yield f"ceph.settings.{name}", "is not a setting of ceph.conf: a name with underscores, and one line"
        if name in _OURS or name.startswith("auth_"):
            yield f"ceph.settings.{name}", "is not for the inventory to set: the build derives it"


def _cinder(cluster: Cluster) -> Iterator[Mistake]:
    cinder = cluster.cinder
    if "cinder" not in (cluster.services.chosen or ()):
        if cinder != Cinder():
            yield "cinder", "set, but services.chosen does not name cinder"
        return
    yield from _backend(cluster)
    for key, backend in {"volume_group": "lvm", "shares": "nfs"}.items():
        if getattr(cinder, key) and cinder.backend != backend:
            yield f"cinder.{key}", f'set, but it only goes with `backend = "{backend}"`'
    for name, limits in cinder.types.items():
        if not _FLAVOR.fullmatch(name):
            yield f"cinder.types.{name}", f"{name!r} is not a type: letters, digits, dots, dashes, underscores"
        if not limits.specs:
            yield f"cinder.types.{name}", "has no limit; set total_iops_sec or total_bytes_sec"


def _backend(cluster: Cluster) -> Iterator[Mistake]:
    cinder = cluster.cinder
    if cinder.backend == "ceph":
        return
    if "ceph" in cluster.features:
        yield (
            "cinder.backend",
            f"{cinder.backend}, but services.chosen names ceph, and then volumes are in Ceph; leave one of them out",
        )
    elif cluster.lab:
        yield (
            "cinder.backend",
            f"{cinder.backend}, which no lab can run: its hosts are containers, and the kernel lets them neither use "
            "device mapper and iSCSI targets nor mount NFS; choose ceph here, or build on machines of their own",
        )
    elif cinder.backend == "lvm":
        if not cluster.role("storage"):
            yield "cinder.backend", "lvm, but no node has the role storage: the volumes would be on those nodes"
        if not cinder.volume_group:
            yield "cinder.volume_group", "missing; it is the name of LVM's volume group on each storage node"
        elif not _GROUP.fullmatch(cinder.volume_group):
            yield "cinder.volume_group", f"{cinder.volume_group!r} is not the name of a volume group"
    elif not cinder.shares:
        yield "cinder.shares", "missing; name the exports for volumes, such as filer:/srv/volumes"
    else:
        for share, count in Counter(cinder.shares).items():
            if not _SHARE.fullmatch(share):
                yield "cinder.shares", f"{share!r} is not an export such as filer:/srv/volumes"
            elif count > 1:
                yield "cinder.shares", f"names {share} {count} times"


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and bool(parts.path)
    except ValueError:
        return False
