"""Cinder: volumes in their back end, the volume types of the inventory with their limits, and the default quotas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy import cloud
from deploy.catalogue import Project
from deploy.facts import volumes
from deploy.finding import Finding
from deploy.inventory import Cluster
from deploy.journal import JOURNAL
from deploy.making import amiss as findings
from deploy.making import ordinary, volume_groups
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step

if TYPE_CHECKING:
    from openstack.connection import Connection


def prepare(site: Site) -> None:
    """Stop before any change where a volume group can neither be used nor made."""
    if "lvm" in site.cluster.features:
        volume_groups.refuse(site)


def complete(site: Site) -> None:
    """Complete the step, then create the volume types, and set their limits and the default quotas."""
    if "lvm" in site.cluster.features:
        volume_groups.ensure(site)
    ordinary.complete(site, "cinder")
    with cloud.explained("setting volume types and quotas"), cloud.connect(site) as session:
        cloud.retry_server_errors(session.block_storage)
        _types(site.cluster, session)
        _limits(site.cluster, session)
        _quotas(site.cluster, session)


def _types(cluster: Cluster, session: Connection) -> None:
    present = volumes.types(session)
    for name in (name for name in cluster.volume_types if name not in present):
        specs = {"volume_backend_name": cluster.backend}
        session.block_storage.create_type(name=name, extra_specs=specs)
        _changed(f"created volume type {name}")


def _limits(cluster: Cluster, session: Connection) -> None:
    """Give each type of the inventory the QoS specs of its name, with its limits; other types keep theirs."""
    differing = _differing(cluster, session)
    if not differing:
        return
    identifiers = {each["name"]: each for each in volumes.asked(session, "/types?is_public=None", "volume_types")}
    for name, wanted in differing.items():
        there = {each["name"]: each for each in volumes.asked(session, "/qos-specs")}
        own, kind = there.get(name), identifiers[name]
        if own is None:
            own = _told(session, "post", "/qos-specs", {"qos_specs": {"name": name, **wanted}})["qos_specs"]
        elif {"consumer": own["consumer"], **own["specs"]} != wanted:
            _told(session, "put", f"/qos-specs/{own['id']}", {"qos_specs": wanted})
            if more := sorted(own["specs"].keys() - wanted.keys()):
                _told(session, "put", f"/qos-specs/{own['id']}/delete_keys", {"keys": more})
        if (other := kind.get("qos_specs_id")) != own["id"]:
            if other:
                _told(session, "get", f"/qos-specs/{other}/disassociate?vol_type_id={kind['id']}")
            _told(session, "get", f"/qos-specs/{own['id']}/associate?vol_type_id={kind['id']}")
        _changed(f"limited volume type {name}: {_listed(wanted)}")


def _quotas(cluster: Cluster, session: Connection) -> None:
    if differing := _other_quotas(cluster, session):
        _told(session, "put", volumes.QUOTAS, {"quota_class_set": differing})
        _changed(f"set the default quotas of volumes: {_listed(differing)}")


def _differing(cluster: Cluster, session: Connection) -> dict[str, dict[str, str]]:
    """Return the limits of the inventory's types that differ from those in Cinder, by the type's name."""
    if not cluster.cinder.types:
        return {}
    present = volumes.limits(session)
    wanted = {name: {"consumer": volumes.FRONT_END, **each.specs} for name, each in cluster.cinder.types.items()}
    return {name: specs for name, specs in wanted.items() if present.get(name) != specs}


def _other_quotas(cluster: Cluster, session: Connection) -> dict[str, int]:
    """Return the quotas of the inventory that differ from those in Cinder."""
    if not (wanted := cluster.cinder.quotas.settings):
        return {}
    present = volumes.quotas(session)
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def _told(session: Connection, method: str, path: str, body: Any = None) -> Any:
    """Send a request; return the answer's JSON, None for an answer without any."""
    from openstack.exceptions import raise_from_response  # noqa: PLC0415 - see cloud.connect()

    response = getattr(session.block_storage, method)(path, **({} if body is None else {"json": body}))
    raise_from_response(response)
    return response.json() if response.content else None


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _changed(change: str) -> None:
    JOURNAL.emit("change", change, host="api")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield what is amiss with the services, and types, limits and quotas that differ from the inventory's."""
    yield from findings.ordinary(now, "cinder")
    cluster = now.site.cluster
    with cloud.explained("reading the volume types and quotas"):
        session = now.opened("administrator", partial(cloud.connect, now.site))
        present = volumes.types(session)
        lacking = [name for name in cluster.volume_types if name not in present]
        differing = [name for name in _differing(cluster, session) if name not in lacking]
        quotas = _other_quotas(cluster, session)
    hint = "a build sets it right"
    for name in lacking:
        yield Finding(f"Cinder lacks the volume type {name}", hint="a build creates it")
    for name in differing:
        yield Finding(f"the volume type {name} has other limits than in the inventory", hint=hint)
    if quotas:
        yield Finding(f"Cinder's default quotas differ from the inventory's: {', '.join(quotas)}", hint=hint)


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, prepare=prepare, complete=complete, amiss=amiss)
