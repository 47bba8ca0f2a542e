"""RBD: what a host finds in a pool of Ceph with the key and the configuration of a service's account there."""

import json
import re

from deploy.errors import CommandFailed
from deploy.facts.ended import END, whole
from deploy.host import Reads

READ = "read"
_READ = f"timeout 20 runuser -u %s -- rbd --id %s --pool %s ls >/dev/null && echo {READ}"
_LIST = f"sleep %s; timeout 20 runuser -u %s -- rbd --id %s --pool %s ls --long --format json && echo && echo {END}"
_NAMES = _LIST.replace(" --long", "")
_PARENT = f"timeout 20 runuser -u %s -- rbd --id %s --pool %s info %s --format json && echo && echo {END}"

_STATUS = f"timeout 20 runuser -u %s -- rbd --id %s --pool %s status %s --format json && echo && echo {END}"
_ADDRESS = re.compile(r'"address":\s*"(?:\w+:)?([0-9.]+):\d+/\d+"')


def reading(host: Reads, client: str, pool: str) -> str:
    """Return READ where the account of the client's name reads the pool, else what was said instead."""
    result = host.run(_READ, client, client, pool, timeout=25)
    return result.out.strip() if result.ok else str(result)


def snapshots(host: Reads, client: str, pool: str, after: int = 0) -> dict[str, int]:
    """Return the bytes of each image's snapshot `snap`, by image, `after` seconds from now; it is made last by Glance.

    The account has the client's name. Images without the snapshot have -1. CommandFailed where the pool cannot be read.
    """
    out = host.check(_LIST, after, client, client, pool, timeout=after + 25)
    return parse(host, whole(host, f"pool {pool}", out))


def names(host: Reads, client: str, pool: str, after: int = 0) -> frozenset[str]:
    """Return the names of the pool's images in the same way; no image is opened."""
    text = whole(host, f"pool {pool}", host.check(_NAMES, after, client, client, pool, timeout=after + 25))
    return parse_names(host, text)


def parent(host: Reads, client: str, pool: str, image: str) -> str:
    """Return `<pool>/<image>@<snapshot>` of which the image is a clone; empty for one that is whole in itself."""
    text = host.check(_PARENT, client, client, pool, image, timeout=25)
    return parse_parent(whole(host, f"image {pool}/{image}", text))


def users(host: Reads, client: str, pool: str, image: str) -> frozenset[str]:
    """Return the addresses of the hosts that have the image open to write; one of a host that died stays for 30 s."""
    text = host.check(_STATUS, client, client, pool, image, timeout=25)
    return parse_users(whole(host, f"image {pool}/{image}", text))


def parse(host: Reads, text: str) -> dict[str, int]:
    """Parse the listing in JSON: objects with `image` and `size`, and `snapshot` where one is listed."""
    try:
        listed = json.loads(text)
        found = {str(each["image"]): -1 for each in listed}
        return found | {str(each["image"]): int(each["size"]) for each in listed if each.get("snapshot") == "snap"}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CommandFailed(
            f"{host.name}: the images of a pool: not known", expected="a list in JSON", seen=text[-300:]
        ) from None


def parse_names(host: Reads, text: str) -> frozenset[str]:
    """Parse the listing of names in JSON."""
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
        return frozenset(listed)
    raise CommandFailed(f"{host.name}: the images of a pool: not known", expected="names in JSON", seen=text[-300:])


def parse_parent(text: str) -> str:
    """Parse an image's description in JSON; empty where it names no parent."""
    try:
        above = json.loads(text)["parent"]
        return f"{above['pool']}/{above['image']}@{above['snapshot']}"
    except (ValueError, TypeError, KeyError):
        return ""


def parse_users(text: str) -> frozenset[str]:
    """Parse the watchers of an image in JSON, each with an `address` such as `10.0.0.31:0/3212`."""
    return frozenset(_ADDRESS.findall(text))
