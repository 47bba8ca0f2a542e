"""Ceph's pools: those of all projects, with their copies and placement groups, and the manager's modules."""

import json
from shlex import quote
from typing import Any

from deploy import rados
from deploy.facts import ceph
from deploy.facts.ceph_ask import Question, ask, objects
from deploy.host import Host
from deploy.making.ceph_mons import tell
from deploy.rados import Pool
from deploy.site import Site

UNUSED = ("iostat", "nfs", "restful")
"""Modules of the manager that Ceph turns on in a new cluster, and nothing here uses."""
_MONITORING = "mgr/devicehealth/enable_monitoring"
_PREDICTIONS = "device_health_metrics"
"""A pool of one placement group that the manager makes for the disks' own predictions of their failure."""


def ensure(site: Site) -> None:
    """Make the pools that are missing, and set right what differs. Pools of others are left alone."""
    lead = site.members("ceph-mon").first
    there, wanted = ceph.pools(lead), rados.pools(site.cluster, site.catalogue)
    for name, pool in wanted.items():
        if commands := differences(pool, there.get(name)):
            tell(lead, f"made the pool {name}" if name not in there else f"set the pool {name} right", *commands)
    for name, pool in wanted.items():
        if "rbd" in pool.uses and not (name in there and "rbd" in there[name].uses):
            lead.change(f"prepared the pool {name} for block devices", f"timeout 120 rbd pool init {quote(name)}")
    if _PREDICTIONS in there:
        _remove_predictions(lead)


def differences(pool: Pool, there: Pool | None) -> list[Question]:
    """Return the commands that make the pool, or set right one that is there."""
    commands = []
    sure: dict[str, Any] = {"yes_i_really_mean_it": True} if pool.size == 1 else {}
    if there is None:
        groups: dict[str, Any] = {"pg_num": pool.groups, "pgp_num": pool.groups}
        commands.append(Question.of("osd pool create", pool=pool.name, pool_type="replicated", **groups))
    if there is None or there.size != pool.size:
        commands.append(Question.of("osd pool set", pool=pool.name, var="size", val=str(pool.size), **sure))
    if there is None or there.min_size != pool.min_size:
        commands.append(Question.of("osd pool set", pool=pool.name, var="min_size", val=str(pool.min_size)))
    if there is not None and there.groups < pool.groups:
        more = {"pool": pool.name, "val": str(pool.groups)}
        commands += [Question.of("osd pool set", var=name, **more) for name in ("pg_num", "pgp_num")]
    if there is None or not set(pool.uses) <= set(there.uses):
        commands += [Question.of("osd pool application enable", pool=pool.name, app=use) for use in pool.uses]
    return commands


def _remove_predictions(lead: Host) -> None:
    allow = {"who": "mon", "name": "mon_allow_pool_delete"}
    tell(
        lead,
        f"removed the pool {_PREDICTIONS}",
        Question.of("config set", value="true", **allow),
        Question.of("osd pool rm", pool=_PREDICTIONS, pool2=_PREDICTIONS, yes_i_really_really_mean_it=True),
        Question.of("config rm", **allow),
    )


def modules(lead: Host) -> None:
    """Turn off what the managers would do and nothing here needs; before they start, so that they never begin it."""
    settings, listed = ask(lead, Question.of("config dump"), Question.of("mgr module ls"))
    if not _is_off(settings.out):
        # No manager has told the monitors of the setting yet, hence `force`.
        off = Question.of("config set", who="mgr", name=_MONITORING, value="false", force=True)
        tell(lead, "turned the scraping of disks off", off)
    for name in sorted(set(objects(listed.out).get("enabled_modules", ())) & set(UNUSED)):
        tell(lead, f"turned the manager's module {name} off", Question.of("mgr module disable", module=name))


def _is_off(text: str) -> bool:
    try:
        return any(each["name"] == _MONITORING and each["value"] == "false" for each in json.loads(text))
    except (ValueError, LookupError, TypeError):
        return False
