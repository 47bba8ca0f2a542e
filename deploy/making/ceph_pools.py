"""Ceph's pools: those of all projects, with their copies and placement groups, and the manager's modules."""

import json
from shlex import quote
from typing import Any

from deploy.errors import StackproofError
from deploy.facts import ceph
from deploy.facts.ceph import OWN, Pool
from deploy.host import Host
from deploy.making.ceph_mons import TELL
from deploy.site import Site

UNUSED = ("iostat", "nfs", "restful")
"""Modules of the manager that Ceph turns on in a new cluster, and nothing here uses."""
_MONITORING = "mgr/devicehealth/enable_monitoring"
_PREDICTIONS = "device_health_metrics"
"""A pool of one placement group that the manager makes for the disks' own predictions of their failure."""


def wanted(site: Site) -> dict[str, Pool]:
    """Return the pools of all projects, and this tool's own, as they must be."""
    several = len(site.members("ceph-mon")) > 1
    size, least = (3, 2) if several else (1, 1)
    names = [pool for project in site.catalogue.projects for each in project.rbd for pool in each.pools]
    groups = site.cluster.tuned.placement_groups or 1
    own = Pool(OWN, size, least, min(groups, 8), (OWN,))
    return {OWN: own, **{name: Pool(name, size, least, groups, ("rbd",)) for name in names}}


def ensure(site: Site) -> None:
    """Make the pools that are missing, and set right what differs. Pools of others are left alone."""
    lead = site.members("ceph-mon").first
    there = ceph.pools(lead)
    for name, pool in wanted(site).items():
        if commands := differences(pool, there.get(name)):
            lead.change(
                f"made the pool {name}" if name not in there else f"set the pool {name} right",
                "".join(f"{command} 2>&1\n" for command in commands),
                timeout=60 * len(commands),
            )
    if _PREDICTIONS in there:
        lead.change(
            f"removed the pool {_PREDICTIONS}",
            f"{TELL} config set mon mon_allow_pool_delete true\n"
            f"{TELL} osd pool rm {_PREDICTIONS} {_PREDICTIONS} --yes-i-really-really-mean-it 2>&1\n"
            f"{TELL} config rm mon mon_allow_pool_delete",
            timeout=90,
        )


def differences(pool: Pool, there: Pool | None) -> list[str]:
    """Return the commands that make the pool, or set right one that is there."""
    name, commands = quote(pool.name), []
    if there is None:
        commands.append(f"{TELL} osd pool create {name} {pool.groups} {pool.groups} replicated")
    sure = " --yes-i-really-mean-it" if pool.size == 1 else ""
    if there is None or there.size != pool.size:
        commands.append(f"{TELL} osd pool set {name} size {pool.size}{sure}")
    if there is None or there.min_size != pool.min_size:
        commands.append(f"{TELL} osd pool set {name} min_size {pool.min_size}")
    if there is not None and there.groups < pool.groups:
        commands += [f"{TELL} osd pool set {name} {key} {pool.groups}" for key in ("pg_num", "pgp_num")]
    if there is None or not set(pool.uses) <= set(there.uses):
        own = f"{TELL} osd pool application enable {name} {OWN}"
        commands.append(f"timeout 60 rbd pool init {name}" if "rbd" in pool.uses else own)
    return commands


def modules(host: Host) -> None:
    """Turn off what the managers would do and nothing here needs; before they start, so that they never begin it."""
    if {"name": _MONITORING, "value": "false"} not in _settings(host):
        # No manager has told the monitors of the setting yet, hence --force.
        host.change("turned the scraping of disks off", f"{TELL} config set mgr {_MONITORING} false --force 2>&1")
    enabled = set(_read(host, f"{ceph.ASK} mgr module ls -f json")["enabled_modules"])
    for name in sorted(enabled & set(UNUSED)):
        host.change(f"turned the manager's module {name} off", f"{TELL} mgr module disable {name} 2>&1")


def _settings(host: Host) -> list[dict[str, str]]:
    listed = _read(host, f"{ceph.ASK} config dump -f json")
    return [{"name": each["name"], "value": each["value"]} for each in listed if each["section"] == "mgr"]


def _read(host: Host, command: str) -> Any:
    try:
        return json.loads(host.check(command, timeout=30))
    except ValueError:
        raise StackproofError(
            f"{host.name}: `{command}` did not answer in JSON", hint=f"ceph status on {host.name}"
        ) from None
