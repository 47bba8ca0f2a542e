"""Removal: what stands of projects that the inventory no longer has is refused, or taken away where that is asked for.

HAProxy's sections are not removed here: the build that follows renders HAProxy's file without them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from shlex import quote

from deploy import catalogue, cloud
from deploy.catalogue import Catalogue, Project, Service
from deploy.errors import InventoryError
from deploy.facts import standing
from deploy.facts.standing import FOLDER, Record
from deploy.found import Found
from deploy.host import STATE, Host
from deploy.inventory import Node
from deploy.journal import JOURNAL
from deploy.making import record, resources
from deploy.render import Context, Rendered, files
from deploy.secrets import Unsaved
from deploy.site import Site


@dataclass(frozen=True)
class Left:
    """What stands of one project that the inventory does not have: its record by the name of each host."""

    project: str
    records: Mapping[str, Record] = field(default_factory=dict)

    def each(self, what: str) -> tuple[str, ...]:
        """All names in one list of the records, each once, such as `units`."""
        return tuple(dict.fromkeys(value for one in self.records.values() for value in getattr(one, what)))

    @property
    def endpoints(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each of its entries in Keystone's catalogue."""
        return tuple(dict.fromkeys(end for one in self.records.values() for end in one.endpoints))

    @property
    def account(self) -> str:
        """Its user in Keystone."""
        return next(iter(self.records.values())).account

    @property
    def goes(self) -> str:
        """What a removal takes away, in words."""
        parts = {
            "units": f"{', '.join(self.each('units'))} on {', '.join(self.records)}" if self.each("units") else "",
            "Pacemaker's clones": ", ".join(self.each("clones")),
            "HAProxy's sections": ", ".join(self.each("proxies")),
            "endpoints": ", ".join(name for name, _ in self.endpoints),
            "user in Keystone": self.account,
            "files": str(sum(len(one.files) for one in self.records.values()) or ""),
        }
        return f"{self.project}: " + "; ".join(f"{what}: {which}" for what, which in parts.items() if which)

    @property
    def stays(self) -> str:
        """What a removal leaves, in words; empty: nothing."""
        found = [*(f"database {name}" for name in self.each("databases")), *self.each("data")]
        return f"{self.project}: {', '.join(found)}" if found else ""


def settle(site: Site, names: Collection[str] = ()) -> None:
    """Refuse to leave projects behind that the inventory no longer has; those of `names` are removed.

    InventoryError, before anything is touched, where one stands that is not named, or one is named that the cluster
    has.
    """
    _refuse_those_it_has(site.catalogue, names)
    left = find(site)
    if kept := [each for each in left if each.project not in names]:
        raise _refusal(kept)
    for name in sorted(set(names) - {each.project for each in left}):
        JOURNAL.emit("note", f"nothing stands of {name}, so nothing is removed", host=site.cluster.name)
    for each in left:
        _remove(site, each)


def find(site: Site) -> tuple[Left, ...]:
    """What stands of projects that the cluster does not have, those last that others require. Reads only."""
    every = catalogue.load().whole(site.cluster)
    absent = [project for project in every.projects if not site.catalogue.has(project.name)]
    found: dict[str, dict[str, Record]] = {}
    for name, told in site.hosts.each(partial(_told, site, every, [project.name for project in absent])).items():
        for one in told:
            found.setdefault(one.project, {})[name] = one
    ranks = {project.name: rank for rank, project in enumerate(every.projects)}
    ordered = sorted(found, key=lambda name: ranks.get(name, len(ranks)), reverse=True)
    return tuple(Left(name, found[name]) for name in ordered)


def _told(site: Site, every: Catalogue, absent: list[str], host: Host) -> tuple[Record, ...]:
    """The records of one host of projects that the cluster does not have."""
    stay = {service.unit for service in site.catalogue.on(host.node)}
    here = [service for name in absent for service in every.step(name) if service.on(host.node)]
    units = {service.unit: service.step for service in here if service.unit and service.unit not in stay}
    seen = standing.read(host, units)
    derived = {units[unit] for unit in seen.active} - {one.project for one in seen.records}
    return (
        *(one for one in seen.records if not site.catalogue.has(one.project)),
        *(_derived(site, every, every.project(name), host.node) for name in sorted(derived)),
    )


def _derived(site: Site, every: Catalogue, project: Project, node: Node) -> Record:
    """The record of a project that was built before builds kept records."""
    services = [service for service in every.step(project.name) if service.on(node)]
    return record.of(every, project, node, _rendered(site, every, node, services))


def _rendered(site: Site, known: Catalogue, node: Node, services: Iterable[Service]) -> list[Rendered]:
    """The files of services, of which only the paths matter: neither secrets nor the hosts are asked for anything."""
    context = Context(site.cluster, known, site.platform, Unsaved(), Found.assumed(site.cluster))
    return files(context, node, services)


def _remove(site: Site, left: Left) -> None:
    """First no client finds it, then nobody starts it again, then it stops and its files go; the records go last."""
    JOURNAL.emit("note", f"removing {left.goes}", host=site.cluster.name)
    for name, one in left.records.items():
        # A removal that is interrupted finds here what is left, also where earlier builds kept no records.
        site.hosts[name].put([record.file(one)])
    if left.endpoints or left.account:
        cloud.unregister(site, left.endpoints, left.account)
    if site.ha:
        resources.remove(site, left.each("clones"))
    for name, one in left.records.items():
        _clear(site, site.hosts[name], one)
    if left.stays:
        JOURNAL.emit("note", f"these stay of {left.stays}", host=site.cluster.name)


def _clear(site: Site, host: Host, one: Record) -> None:
    """Stop and disable its units, and delete its files, save what other projects have on this host."""
    services = site.catalogue.on(host.node)
    stay = {service.unit for service in services}
    paths = {file.path for file in _rendered(site, site.catalogue, host.node, services)}
    script = _CLEAR.format(
        units=" ".join(quote(unit) for unit in one.units if unit not in stay),
        files=" ".join(quote(path) for path in one.files if path not in paths),
        state=STATE,
        record=quote(f"{FOLDER}/{one.project}"),
    )
    host.change(f"removed {one.project}", script)


_CLEAR = """
for unit in {units}; do
  if systemctl cat "$unit" >/dev/null 2>&1; then systemctl disable -q --now "$unit" </dev/null; fi
  rm -f "{state}/pending/$unit"
done
for file in {files}; do rm -f -- "$file"; done
systemctl daemon-reload
rm -f -- {record}
"""


def _refuse_those_it_has(known: Catalogue, names: Collection[str]) -> None:
    if had := sorted(name for name in names if known.has(name)):
        reasons = [f"{name}: required by {', '.join(by)}" for name, by in known.taken_along.items() if name in had]
        raise InventoryError(
            f"--remove names {', '.join(had)}, which the inventory has; no host was touched",
            seen="; ".join(reasons),
            hint="take it out of services.chosen first, and what requires it as well",
        )


def _refusal(left: list[Left]) -> InventoryError:
    names = ",".join(each.project for each in left)
    stays = "; ".join(each.stays for each in left if each.stays)
    return InventoryError(
        f"the inventory has no {names.replace(',', ', ')} any more, and the cluster has; no host was touched",
        expected="in services.chosen, all that earlier builds put there",
        seen="left behind would be " + " | ".join(each.goes for each in left),
        hint=f"put it back into services.chosen, or pass --remove={names}: then all of that is removed"
        + (f", and these stay: {stays}" if stays else ""),
    )
