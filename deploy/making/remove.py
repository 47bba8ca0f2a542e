"""Removal of projects that the inventory no longer has: a build refuses to leave them, or removes them on request.

HAProxy's sections are not removed here: the build that follows renders HAProxy's file without them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from shlex import quote

from deploy import cloud
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
    """One project that is on hosts and not in the inventory: its records by host name."""

    project: str
    records: Mapping[str, Record] = field(default_factory=dict)

    def each(self, field_name: str) -> tuple[str, ...]:
        """Return the names in one field of all records, such as `units`, without duplicates."""
        return tuple(dict.fromkeys(value for one in self.records.values() for value in getattr(one, field_name)))

    @property
    def endpoints(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each of the project's services in Keystone's catalogue."""
        return tuple(dict.fromkeys(end for one in self.records.values() for end in one.endpoints))

    @property
    def account(self) -> str:
        """The project's user in Keystone."""
        return next(iter(self.records.values())).account

    @property
    def removal(self) -> str:
        """A sentence that lists everything a removal deletes."""
        parts = {
            "units": f"{', '.join(self.each('units'))} on {', '.join(self.records)}" if self.each("units") else "",
            "Pacemaker's clones": ", ".join(self.each("clones")),
            "HAProxy's sections": ", ".join(self.each("proxies")),
            "endpoints": ", ".join(name for name, _ in self.endpoints),
            "user in Keystone": self.account,
            "files": str(sum(len(one.files) for one in self.records.values()) or ""),
        }
        return f"{self.project}: " + "; ".join(f"{kind}: {names}" for kind, names in parts.items() if names)

    @property
    def kept(self) -> str:
        """A sentence that lists the data a removal keeps; empty: none."""
        found = [*(f"database {name}" for name in self.each("databases")), *self.each("data")]
        return f"{self.project}: {', '.join(found)}" if found else ""


def settle(site: Site, names: Collection[str] = ()) -> None:
    """Remove the projects of `names`; refuse to leave any other project that the inventory no longer has.

    InventoryError, before anything is changed, for a leftover project that is not in `names`, and for a name of a
    project that the cluster has.
    """
    _refuse_present(site.catalogue, names)
    left = find(site)
    if unnamed := [each for each in left if each.project not in names]:
        raise _refusal(unnamed)
    for name in sorted(set(names) - {each.project for each in left}):
        JOURNAL.emit("note", f"no host has anything of {name}, so nothing is removed", host=site.cluster.name)
    for each in left:
        _remove(site, each)


def find(site: Site) -> tuple[Left, ...]:
    """Return the projects on the hosts that the cluster does not have, requiring projects first. Reads only."""
    every = site.every
    absent = [project for project in every.projects if not site.catalogue.has(project.name)]
    found: dict[str, dict[str, Record]] = {}
    for name, records in site.hosts.each(partial(_read, site, every, [project.name for project in absent])).items():
        for one in records:
            found.setdefault(one.project, {})[name] = one
    ranks = {project.name: rank for rank, project in enumerate(every.projects)}
    ordered = sorted(found, key=lambda name: ranks.get(name, len(ranks)), reverse=True)
    return tuple(Left(name, found[name]) for name in ordered)


def _read(site: Site, every: Catalogue, absent: list[str], host: Host) -> tuple[Record, ...]:
    """Return the records on one host of projects that the cluster does not have."""
    used = {service.unit for service in site.catalogue.on(host.node)}
    here = [service for name in absent for service in every.step(name) if service.on(host.node)]
    units = {service.unit: service.step for service in here if service.unit and service.unit not in used}
    found = standing.read(host, units)
    derived = {units[unit] for unit in found.active} - {one.project for one in found.records}
    return (
        *(one for one in found.records if not site.catalogue.has(one.project)),
        *(_derived(site, every, every.project(name), host.node) for name in sorted(derived)),
    )


def _derived(site: Site, every: Catalogue, project: Project, node: Node) -> Record:
    """Return the record of a project that was built before builds kept records."""
    services = [service for service in every.step(project.name) if service.on(node)]
    return record.of(every, project, node, _rendered(site, every, node, services))


def _rendered(site: Site, known: Catalogue, node: Node, services: Iterable[Service]) -> list[Rendered]:
    """Render services for the files' paths only, with stand-ins for secrets and for facts of the hosts."""
    context = Context(site.cluster, known, site.platform, Unsaved(), Found.assumed(site.cluster))
    return files(context, node, services)


def _remove(site: Site, left: Left) -> None:
    """Remove endpoints, then clones, then units and files; the records last, so that a removal can be repeated."""
    JOURNAL.emit("note", f"removing {left.removal}", host=site.cluster.name)
    for name, one in left.records.items():
        # After an interruption these records list the rest, also of a project that was built without records.
        site.hosts[name].put([record.file(one)])
    if left.endpoints or left.account:
        cloud.unregister(site, left.endpoints, left.account)
    if site.ha:
        resources.remove(site, left.each("clones"))
    for name, one in left.records.items():
        _clear(site, site.hosts[name], one)
    if left.kept:
        JOURNAL.emit("note", f"kept of {left.kept}", host=site.cluster.name)


def _clear(site: Site, host: Host, one: Record) -> None:
    """Stop and disable the project's units and delete its files, except those of other projects on this host."""
    services = site.catalogue.on(host.node)
    used = {service.unit for service in services}
    paths = {file.path for file in _rendered(site, site.catalogue, host.node, services)}
    script = _CLEAR.format(
        units=" ".join(quote(unit) for unit in one.units if unit not in used),
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


def _refuse_present(known: Catalogue, names: Collection[str]) -> None:
    if had := sorted(name for name in names if known.has(name)):
        reasons = [f"{name}: required by {', '.join(by)}" for name, by in known.taken_along.items() if name in had]
        raise InventoryError(
            f"--remove names {', '.join(had)}, which the inventory has; no host was touched",
            seen="; ".join(reasons),
            hint="first delete it from services.chosen, and every project that requires it",
        )


def _refusal(left: list[Left]) -> InventoryError:
    names = ",".join(each.project for each in left)
    kept = "; ".join(each.kept for each in left if each.kept)
    return InventoryError(
        f"the cluster still has {names.replace(',', ', ')}, and the inventory does not; no host was touched",
        expected="every project that earlier builds put there to be in services.chosen",
        seen="left behind: " + " | ".join(each.removal for each in left),
        hint=f"add it to services.chosen again, or pass --remove={names} to remove all of that"
        + (f"; a removal keeps {kept}" if kept else ""),
    )
