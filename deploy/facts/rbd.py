"""RBD: what a host finds in a pool of Ceph with the key and the configuration of a service's account there."""

import json

from deploy.errors import CommandFailed
from deploy.facts.ended import END, whole
from deploy.host import Reads

READ = "read"
_READ = f"timeout 20 runuser -u %s -- rbd --id %s --pool %s ls >/dev/null && echo {READ}"
_LIST = f"sleep %s; timeout 20 runuser -u %s -- rbd --id %s --pool %s ls --long --format json && echo && echo {END}"


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
