"""Compute: what Nova and Placement say through their APIs, and which cell Nova's database gives each host to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

CELL0 = "00000000-0000-0000-0000-000000000000"
"""The cell of instances that found no host; its identifier is fixed."""


@dataclass(frozen=True)
class NovaService:
    """One service as it reports to Nova, by the host's short name."""

    binary: str
    host: str
    up: bool
    enabled: bool


@dataclass(frozen=True)
class Cells:
    """The cells there are, and the cells of each host."""

    names: dict[str, str]
    """By identifier."""
    hosts: dict[str, tuple[str, ...]]
    """The identifiers of a host's cells, by its short name; there should be one."""
    with_password: tuple[str, ...]
    """Cells whose database address holds a password, and not a place for one."""


def services(cloud: Connection) -> list[NovaService]:
    """Every service that ever reported."""
    return [
        NovaService(told.binary, told.host.split(".")[0], told.state == "up", told.status == "enabled")
        for told in cloud.compute.services()
    ]


def hypervisors(cloud: Connection) -> dict[str, str]:
    """The state of each hypervisor, by the host's short name."""
    # Without details: for those Nova calls every compute, and waits a minute for one that does not answer, or that has
    # just been made known and does not listen yet.
    return {told.name.split(".")[0]: told.state for told in cloud.compute.hypervisors(details=False)}


def inventories(cloud: Connection) -> dict[str, dict[str, int]]:
    """What Placement can give of each resource, by the host's short name."""
    return {
        provider.name.split(".")[0]: {
            told.resource_class: int((told.total - told.reserved) * told.allocation_ratio)
            for told in cloud.placement.resource_provider_inventories(provider)
        }
        for provider in cloud.placement.resource_providers()
    }


def cells(host: Reads) -> Cells:
    """Ask the database on that host."""
    return parse_cells(host.check("mariadb -N -B", stdin=_CELLS, timeout=20))


def parse_cells(text: str) -> Cells:
    """Rows that begin with `cell` (identifier, name, whether a password is in it) or `host` (name, identifier)."""
    rows = [line.split("\t") for line in text.splitlines()]
    hosts: dict[str, tuple[str, ...]] = {}
    for name, cell in (row[1:] for row in rows if row[0] == "host"):
        short = name.split(".")[0]
        hosts[short] = (*hosts.get(short, ()), cell)
    listed = [row[1:] for row in rows if row[0] == "cell"]
    return Cells(
        names={cell: name for cell, name, _ in listed},
        hosts=hosts,
        with_password=tuple(name for _, name, told in listed if told == "1"),
    )


_CELLS = r"""
SELECT 'cell', uuid, IFNULL(name, ''), database_connection REGEXP '://[^/]*:[^/{]+@' FROM nova_api.cell_mappings;
SELECT 'host', host, uuid FROM nova_api.host_mappings JOIN nova_api.cell_mappings c ON c.id = cell_id;
"""


def checked(host: Reads, command: str) -> dict[str, str]:
    """What `nova-status` or `placement-status` finds, by the name of each check; it costs seconds of the host's CPU.

    A quarter of Nova's would go into making Python's library green, which these do not need, and a tenth into what
    setuptools puts in the place of Python's own distutils, where there is one.
    """
    return parse_checks(host.run(_CHECKED, command, timeout=90).out)


_CHECKED = """\
export OS_NOVA_DISABLE_EVENTLET_PATCHING=1
for own in /usr/lib/python3*/distutils/version.py; do [ ! -e "$own" ] || export SETUPTOOLS_USE_DISTUTILS=stdlib; done
exec %s upgrade check"""


def parse_checks(text: str) -> dict[str, str]:
    """The table they print: each check and its result."""
    found, name = {}, ""
    for line in text.splitlines():
        key, _, value = line.strip("| \n").partition(": ")
        if key == "Check":
            name = value.strip()
        elif key == "Result" and name:
            found[name] = value.strip()
    return found
