"""Resolving the catalogue: the projects of one cluster, with its features' changes and its platform's names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from deploy.catalogue import read
from deploy.catalogue.model import Catalogue, Files, Project, Service, TemplateSet
from deploy.catalogue.promises import Promise, declared
from deploy.catalogue.read import Table
from deploy.errors import InventoryError
from deploy.inventory import Cluster, Services, features

T = TypeVar("T")
ACTIONS = "actions"
"""The table of budgets for calls through the queue."""
SHARED = "files"
"""The folder of templates that a project's services share; a service's own folder has the service's name."""
_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Files, Service, Project)}
"""Made once: an adapter costs more than a validation."""


@dataclass(frozen=True)
class Shelf:
    """The TOML of every project, not yet resolved for a cluster."""

    root: Path
    projects: dict[str, Table]

    def of(self, cluster: Cluster) -> Catalogue:
        """Return the catalogue of one cluster: mandatory and chosen projects, and the projects that these require.

        InventoryError names each wrong key of a project's file, and each chosen project that the cluster cannot have.
        """
        self._refuse(cluster)
        every = {project.name: project for project in _Resolver(self, cluster).resolved()}
        wanted = {name for name, project in every.items() if _wanted(project, cluster.services.chosen)}
        present = _with_required(every, wanted)
        here = [_requiring(project, present) for name, project in every.items() if name in present]
        projects = tuple(sorted(here, key=lambda project: project.last))
        added = {
            name: tuple(project.name for project in projects if name in every[project.name].requires)
            for name in every
            if name in present - wanted
        }
        promises = [
            promise
            for promise in declared().promises
            if set(promise.needs) <= cluster.features and set(promise.projects) <= present
        ]
        return Catalogue(projects, (*_apis(projects), *_servers(projects), *promises), added)

    def _refuse(self, cluster: Cluster) -> None:
        """Raise InventoryError where the inventory chooses projects that need features which the cluster lacks."""
        chosen = {name: self.projects.get(name, {}) for name in cluster.services.chosen or ()}
        wrong = [
            f"{cluster.source}: services.chosen: names {name}, which needs {each}: {features.FEATURES[each].meaning}"
            for name, raw in chosen.items()
            for each in (raw.get("needs", ()) if raw.get("optional") else ())
            if each not in cluster.features
        ]
        if wrong:
            listed = "".join(f"\n  {each}" for each in wrong)
            raise InventoryError(
                f"inventory {cluster.source} chooses what it cannot have; no host was touched{listed}",
                hint="give the cluster what is needed, such as `ceph` in services.chosen, or leave the project out",
            )

    def whole(self, cluster: Cluster) -> Catalogue:
        """Return the catalogue that the cluster would have if its inventory chose every project."""
        return self.of(replace(cluster, services=Services(tuple(self.projects))))

    def packages(self, platform: str) -> tuple[str, ...]:
        """Return every package that a cluster of a lab may need on the platform, sorted and without duplicates."""
        possible = [name for name, feature in features.FEATURES.items() if feature.lab]
        every = [
            read.merged(raw, each)
            for raw in self.projects.values()
            for each in ({}, *(table for name, table in raw.get("with", {}).items() if name in possible))
        ]
        tables = [read.on(table, platform) for table in every]
        groups = [part.get("packages", []) for table in tables for part in (table, *_services(table).values())]
        return tuple(sorted({package for group in groups for package in group}))

    def claims(self, platform: str) -> dict[str, str]:
        """Return shell commands, by owner of a configuration; each prints the cluster that the configuration names."""
        tables = [read.on(raw, platform) for raw in self.projects.values()]
        return {owner: command for table in tables for owner, command in table.get("claims", {}).items()}

    def data(self, platform: str) -> tuple[str, ...]:
        """Return shell patterns of the paths with the projects' data on the platform."""
        tables = [read.on(raw, platform) for raw in self.projects.values()]
        return tuple(path for table in tables for path in table.get("data", ()))


def load() -> Shelf:
    """Return the shelf of the projects below templates/."""
    return Shelf(read.ROOT, read.projects(read.ROOT))


def _apis(projects: Iterable[Project]) -> Iterator[Promise]:
    """Yield one promise per API: that it answers requests."""
    for service in (service for project in projects for service in project.services if service.is_api):
        title, table = f"{service.name} answers requests", service.budget
        yield Promise(service.name, title, declared().budgets[table], declared().limits.get(table))


def _servers(projects: Iterable[Project]) -> Iterator[Promise]:
    """Yield one promise per service with RPC servers: that calls are answered; without a budget where it is one host's.

    A call to a host's own server cannot be answered while a drill takes that server away.
    """
    for service in (service for project in projects for service in project.services if service.topics):
        table = ACTIONS if service.shares_calls else ""
        title = f"{service.name} answers calls"
        yield Promise(service.name, title, declared().budgets[table], declared().limits.get(table))


def _wanted(project: Project, chosen: tuple[str, ...] | None) -> bool:
    """True for a mandatory project and for an optional project that the inventory chooses."""
    return not project.optional or (project.default if chosen is None else project.name in chosen)


def _with_required(every: dict[str, Project], wanted: set[str]) -> set[str]:
    """Return the wanted projects and their required projects, direct and indirect."""
    present = set(wanted)
    for name, project in reversed(every.items()):  # each project comes after those it requires
        if name in present:
            present |= set(project.requires) & set(every)
    return present


def _requiring(project: Project, present: set[str]) -> Project:
    """Drop required projects that the cluster lacks: a single controller, for example, has no HAProxy."""
    others = sorted(present - {project.name}) if project.last else project.after
    earlier = dict.fromkeys((*project.requires, *others))
    return replace(project, requires=tuple(name for name in earlier if name in present))


class _Resolver:
    """Resolves the shelf for one cluster."""

    def __init__(self, shelf: Shelf, cluster: Cluster) -> None:
        self._shelf, self._platform, self._features = shelf, cluster.platform, cluster.features
        self._members = self._pacemaker_roles(cluster)

    def resolved(self) -> Iterator[Project]:
        """Yield the projects whose needed features the cluster has."""
        for name, raw in self._shelf.projects.items():
            project = self._project(name, self._altered(raw, name))
            if set(project.needs) <= self._features:
                yield project

    def _project(self, name: str, table: Table) -> Project:
        on = read.on(table, self._platform)
        services = [self._service(name, table, on, key) for key in _services(table)]
        whole = {
            key: value for key, value in table.items() if key not in {"on", "files", "uses", "secrets", "services"}
        }
        whole |= {"name": name, "services": [one for one in services if set(one.needs) <= self._features]}
        whole |= {key: on[key] for key in ("schema", "runs_as", "defects", "idle") if key in on}
        return _validated(Project, whole, name)

    def _service(self, project: str, table: Table, on: Table, name: str) -> Service:
        entry = self._altered(_services(table)[name], project)
        kind = entry.get("kind", "")
        entry = read.merged(read.kind(self._shelf.root, kind), entry)
        on_platform = _services(on).get(name, {})
        own, uses = entry.pop("files", {}), [*table.get("uses", ()), *entry.pop("uses", ())]
        entry |= {
            "name": name,
            "project": project,
            "step": entry.get("step", project),
            "unit": on_platform.get("unit", entry.get("unit", name)),
            "runs_as": on_platform.get("runs_as", on.get("runs_as", "")),
            "program": on_platform.get("program", ""),
            "packages": [*on.get("packages", ()), *on_platform.get("packages", ())],
            "secrets": [*table.get("secrets", ()), *entry.get("secrets", ())],
            "sets": list(self._sets(project, name, kind, own, uses)),
            "manager": self._manager(entry),
        }
        entry |= {key: on_platform[key] for key in ("settings", "defaults", "internals") if key in on_platform}
        entry["paths"] = {**on.get("paths", {}), **on_platform.get("paths", {})}
        if isinstance(lose := entry.get("lose", {}), str):
            entry["lose"] = {name: lose}
        if entry.get("health", {}).get("signed_in") or entry.get("topics"):
            entry["proofs"] = [*entry.get("proofs", ()), name]
        service = _validated(Service, entry, f"{project}: services.{name}")
        if service.port and not service.sources:
            why = f"services.{name}: from: missing: say who may ask at port {service.port}"
            raise _wrong(project, [why])
        self._check_budget(service)
        return replace(service, ports=tuple(port for port in service.ports if set(port.needs) <= self._features))

    def _check_budget(self, service: Service) -> None:
        where = f"services.{service.name}: budget"
        if service.budget not in declared().budgets:
            raise _wrong(service.project, [f"{where}: no table of budgets is named {service.budget}"])
        if service.budget and not service.is_api:
            raise _wrong(service.project, [f"{where}: only an API has one; other promises are in promises.toml"])

    def _sets(self, project: str, name: str, kind: str, own: Table, uses: list[str]) -> Iterator[TemplateSet]:
        """Yield a service's template folders: of projects it uses, of its project, its own, of its kind."""
        for user in (*uses, project):
            if user not in self._shelf.projects:
                raise _wrong(project, [f"uses: no project is named {user}"])
            files = self._shelf.projects[user].get("files", {})
            yield from self._set(f"{user}/{SHARED}", _validated(Files, files, f"{user}: files"))
        yield from self._set(f"{project}/{name}", _validated(Files, own, f"{project}: services.{name}.files"))
        if kind:
            yield from self._set(f"_kinds/{kind}/{SHARED}", Files())

    def _set(self, folder: str, files: Files) -> Iterator[TemplateSet]:
        if (self._shelf.root / folder).is_dir():
            yield TemplateSet(folder, files)

    def _altered(self, raw: Table, where: str) -> Table:
        """Return the table, changed by the `[with.<feature>]` tables of the cluster's features."""
        table = dict(raw)
        overlays = table.pop("with", {})
        if unknown := features.unknown(overlays):
            raise _wrong(where, [f"with.{name}: no feature has this name" for name in unknown])
        for feature, overlay in overlays.items():
            if feature in self._features:
                table = read.merged(table, overlay)
        return table

    def _manager(self, entry: Table) -> str:
        """Return the unit's manager: Pacemaker only where all the service's roles are roles of Pacemaker's members."""
        roles = set(entry.get("roles", ("controller",)))
        return str(entry.get("manager", "systemd")) if roles <= self._members else "systemd"

    def _pacemaker_roles(self, cluster: Cluster) -> set[str]:
        """Return the roles of Pacemaker's members; empty in a cluster without Pacemaker."""
        project = self._shelf.projects.get("pacemaker", {})
        if not set(project.get("needs", ())) <= cluster.features:
            return set()
        return set(_services(project).get("pacemaker", {}).get("roles", ("controller",)))


def _services(table: Table) -> dict[str, Table]:
    services: dict[str, Table] = table.get("services", {})
    return services


def _validated(kind: type[T], data: Table, where: str) -> T:
    try:
        validated: T = _ADAPTERS[kind].validate_python(data)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise _wrong(where, found) from None
    return validated


def _wrong(where: str, found: list[Any]) -> InventoryError:
    project = where.partition(":")[0]
    listed = "".join(f"\n  {where}: {each}" for each in found)
    return InventoryError(
        f"templates/{project}/{read.ENTRY} has mistakes; no host was touched{listed}", hint="correct the file"
    )
