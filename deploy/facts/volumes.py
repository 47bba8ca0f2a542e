"""Volumes: Cinder's services, types and quotas by its API, and on its hosts: locks, and its clients' way into Ceph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

CONFIG = "/etc/cinder/cinder.conf"
CLUSTER = "controllers@ceph"
"""The name of the hosts that share work, as in cinder.conf, with that of the back end. Only those of Ceph share any."""
FRONT_END = "front-end"
"""The consumer of a limit: the hypervisor, which holds an attached volume to it."""
QUOTAS = "/os-quota-class-sets/default"
"""The path of the quotas of projects that have none of their own."""
TAKEN, HELD = "taken", "held"


@dataclass(frozen=True)
class VolumeService:
    """One service of Cinder; `host` is the host's short name, without the back end."""

    binary: str
    host: str
    up: bool
    enabled: bool
    cluster: str = ""
    """The hosts with which it shares its work; empty: with none."""


def services(cloud: Connection) -> list[VolumeService]:
    """Return every service Cinder has a record of."""
    return [
        VolumeService(
            service.binary,
            service.host.partition("@")[0].split(".")[0],
            up=service.state == "up",
            enabled=service.status == "enabled",
            cluster=service.cluster or "",
        )
        for service in cloud.block_storage.services()
    ]


def types(cloud: Connection) -> dict[str, str]:
    """Return the back end that each volume type asks for, by the type's name; empty: any."""
    return {each.name: (each.extra_specs or {}).get("volume_backend_name", "") for each in cloud.block_storage.types()}


def limits(cloud: Connection) -> dict[str, dict[str, str]]:
    """Return each volume type's QoS specs and their `consumer`, by the type's name; empty for a type without any."""
    specs = {each["id"]: {"consumer": each["consumer"], **each["specs"]} for each in asked(cloud, "/qos-specs")}
    kinds = asked(cloud, "/types?is_public=None", "volume_types")
    return {each["name"]: specs.get(each.get("qos_specs_id"), {}) for each in kinds}


def quotas(cloud: Connection) -> dict[str, int]:
    """Return the quotas of projects that have none of their own, by name; -1: any amount."""
    found = asked(cloud, QUOTAS, "quota_class_set")
    return {name: value for name, value in found.items() if isinstance(value, int)}


def asked(cloud: Connection, path: str, key: str = "qos_specs") -> Any:
    """Return what Cinder's API has at a path, below the key of the answer; SDKException where it refuses."""
    from openstack.exceptions import raise_from_response  # noqa: PLC0415 - see deploy.cloud.connect

    response = cloud.block_storage.get(path)
    raise_from_response(response)
    return response.json()[key]


def lock(host: Reads, account: str, name: str) -> str:
    """Take the lock of that name as the service on that host would: TAKEN; HELD where another host has it.

    Any other text says why there is no lock. The lock ends by itself, when the service's own locks would.
    """
    result = host.run("exec runuser -u %s -- python3 -I - %s %s", account, CONFIG, name, stdin=_LOCK, timeout=30)
    return result.out.strip() or "no answer"


_LOCK = """
import re, socket, sys
from tooz import coordination

try:
    with open(sys.argv[1]) as file:
        url = re.search(r"^backend_url *= *(\\S+)", file.read(), re.MULTILINE)[1]
    coordinator = coordination.get_coordinator(url, socket.gethostname().encode())
    coordinator.start()
    print("taken" if coordinator.get_lock(sys.argv[2].encode()).acquire(blocking=False) else "held")
except Exception as why:
    print(f"{type(why).__name__}: {why}")
"""


def images(host: Reads, account: str, pool: str) -> tuple[str, ...]:
    """Return the words of the lists of a pool's images and trash, names among them; CommandFailed without an answer."""
    client = "cinder-backup" if pool == "backups" else account
    command = "runuser -u %s -- rbd --id %s --pool %s ls && runuser -u %s -- rbd --id %s --pool %s trash ls"
    return tuple(host.check(command, *(account, client, pool) * 2, timeout=20).split())


def refused(host: Reads, account: str, client: str, pool: str) -> str:
    """Return why that account cannot list the pool as that client of Ceph; empty where it can."""
    command = "runuser -u %s -- timeout 10 rbd --id %s --pool %s ls >/dev/null && echo listed"
    result = host.run(command, account, client, pool, timeout=20)
    return "" if result.out.strip() == "listed" else result.err.strip()[-300:] or "no answer in 10 s"
