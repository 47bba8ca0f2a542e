"""Compute: services and inventories from the APIs of Nova and Placement, and the cells in Nova's database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

CELL0 = "00000000-0000-0000-0000-000000000000"
"""The UUID of cell0, which holds instances that could not be scheduled; Nova fixes it."""


@dataclass(frozen=True)
class NovaService:
    """One Nova service; `host` is the host's short name."""

    binary: str
    host: str
    up: bool
    enabled: bool
    reason: str = ""
    """Why an operator disabled it."""


@dataclass(frozen=True)
class Cells:
    """Nova's cells, and the cells each host is mapped to. No names: the database has no cell."""

    names: dict[str, str] = field(default_factory=dict)
    """Names by UUID."""
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """UUIDs of a host's cells, by the host's short name; exactly one is correct."""
    with_password: tuple[str, ...] = ()
    """Cells whose database or queue URL holds a password instead of a placeholder."""
    queues: dict[str, str] = field(default_factory=dict)
    """The virtual host in a cell's URL of RabbitMQ, by UUID; `{path}` stands for the one of nova.conf."""


def services(cloud: Connection) -> list[NovaService]:
    """Return every service Nova has a record of."""
    return [
        NovaService(
            service.binary,
            service.host.split(".")[0],
            up=service.state == "up",
            enabled=service.status == "enabled",
            reason=service.disabled_reason or "",
        )
        for service in cloud.compute.services()
    ]


def hypervisors(cloud: Connection) -> dict[str, str]:
    """Return the state (`up` or `down`) of each hypervisor, by the host's short name."""
    # With details Nova calls every compute, and waits a minute for a compute that does not answer or was just mapped
    # and does not listen yet.
    return {each.name.split(".")[0]: each.state for each in cloud.compute.hypervisors(details=False)}


def inventories(cloud: Connection) -> dict[str, dict[str, int]]:
    """Return each host's capacity, (total - reserved) * allocation ratio, by short host name and resource class."""
    return {
        provider.name.split(".")[0]: {
            each.resource_class: int((each.total - each.reserved) * each.allocation_ratio)
            for each in cloud.placement.resource_provider_inventories(provider)
        }
        for provider in cloud.placement.resource_providers()
    }


def cells(host: Reads) -> Cells:
    """Return the cells in the database on that host; CommandFailed where the query fails."""
    return parse_cells(host.check("mariadb -N -B", stdin=_CELLS, timeout=20))


def parse_cells(text: str) -> Cells:
    """Parse rows of `cell` (UUID, name, 1 where a URL holds a password, virtual host) and of `host` (name, UUID)."""
    rows = [line.split("\t") for line in text.splitlines()]
    hosts: dict[str, tuple[str, ...]] = {}
    for name, cell in (row[1:] for row in rows if row[0] == "host"):
        short = name.split(".")[0]
        hosts[short] = (*hosts.get(short, ()), cell)
    listed = [row[1:] for row in rows if row[0] == "cell"]
    return Cells(
        names={cell: name for cell, name, *_ in listed},
        hosts=hosts,
        with_password=tuple(name for _, name, exposed, _ in listed if exposed == "1"),
        queues={cell: queue for cell, *_, queue in listed},
    )


_CELLS = r"""
SELECT 'cell', uuid, IFNULL(name, ''),
  database_connection REGEXP '://[^/]*:[^/{]+@' OR transport_url REGEXP '://[^/]*:[^/{]+@',
  SUBSTRING_INDEX(transport_url, '/', -1) FROM nova_api.cell_mappings;
SELECT 'host', host, uuid FROM nova_api.host_mappings JOIN nova_api.cell_mappings c ON c.id = cell_id;
"""


def upgrade_checks(host: Reads, command: str) -> dict[str, str]:
    """Run `nova-status` or `placement-status`; return each check's result by its name. Costs seconds of the host's CPU.

    The script turns off two costs: Eventlet's monkey patching, a quarter of the time of `nova-status`, and setuptools'
    replacement of Python's distutils, a tenth.
    """
    return parse_checks(host.run(_UPGRADE_CHECK, command, timeout=90).out)


_UPGRADE_CHECK = """\
export OS_NOVA_DISABLE_EVENTLET_PATCHING=1
for own in /usr/lib/python3*/distutils/version.py; do [ ! -e "$own" ] || export SETUPTOOLS_USE_DISTUTILS=stdlib; done
exec %s upgrade check"""


def parse_checks(text: str) -> dict[str, str]:
    """Parse the table of `upgrade check`: each check and its result."""
    found, name = {}, ""
    for line in text.splitlines():
        key, _, value = line.strip("| \n").partition(": ")
        if key == "Check":
            name = value.strip()
        elif key == "Result" and name:
            found[name] = value.strip()
    return found
