"""Resolving the catalogue: the projects of one cluster, altered by its features, with the names of its platform."""

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
SHARED = "files"
"""The folder of a project's templates that all its services share; a service's own folder has the service's name."""


@dataclass(frozen=True)
class Shelf:
    """Every project's data, for any cluster."""

    root: Path
    projects: dict[str, Table]

    def of(self, cluster: Cluster) -> Catalogue:
        """The catalogue of one cluster: the projects that every cluster has, those chosen, and all that these require.

        InventoryError names each key of a project's file that is wrong.
        """
        every = {project.name: project for project in _Resolver(self, cluster).resolved()}
        wanted = {name for name, project in every.items() if _wanted(project, cluster.services.chosen)}
        there = _with_required(every, wanted)
        projects = tuple(_requiring(project, there) for name, project in every.items() if name in there)
        along = {
            name: tuple(project.name for project in projects if name in every[project.name].requires)
            for name in every
            if name in there - wanted
        }
        promises = [
            promise
            for promise in declared().promises
            if set(promise.needs) <= cluster.features and set(promise.projects) <= there
        ]
        return Catalogue(projects, (*_apis(projects), *promises), along)

    def whole(self, cluster: Cluster) -> Catalogue:
        """The catalogue of the cluster if it had chosen every project."""
        return self.of(replace(cluster, services=Services(tuple(self.projects))))

    def packages(self, platform: str) -> tuple[str, ...]:
        """Every package that a project names for that platform, each once, sorted."""
        tables = [read.on(raw, platform) for raw in self.projects.values()]
        groups = [part.get("packages", []) for table in tables for part in (table, *_services(table).values())]
        return tuple(sorted({package for group in groups for package in group}))

    def claims(self, platform: str) -> dict[str, str]:
        """Shell commands that print which cluster a machine was configured for, by whose configuration they read."""
        tables = [read.on(raw, platform) for raw in self.projects.values()]
        return {who: command for table in tables for who, command in table.get("claims", {}).items()}

    def data(self, platform: str) -> tuple[str, ...]:
        """Shell patterns of the paths where each project's data is on that platform."""
        tables = [read.on(raw, platform) for raw in self.projects.values()]
        return tuple(path for table in tables for path in table.get("data", ()))


def load() -> Shelf:
    """The projects that lie below templates/."""
    return Shelf(read.ROOT, read.projects(read.ROOT))


def _apis(projects: Iterable[Project]) -> Iterator[Promise]:
    """Each API's promise."""
    for service in (service for project in projects for service in project.services if service.is_api):
        yield Promise(service.name, f"{service.name} answers requests", declared().budgets[service.budget])


def _wanted(project: Project, chosen: tuple[str, ...] | None) -> bool:
    """True where every cluster has the project, or the inventory chooses it."""
    return not project.optional or (project.default if chosen is None else project.name in chosen)


def _with_required(every: dict[str, Project], wanted: set[str]) -> set[str]:
    """The wanted projects and all that they require, however indirectly."""
    there = set(wanted)
    for name, project in reversed(every.items()):  # each project comes after those it requires
        if name in there:
            there |= set(project.requires) & set(every)
    return there


def _requiring(project: Project, there: set[str]) -> Project:
    """The project built after those that the cluster has: a single controller needs no HAProxy."""
    earlier = dict.fromkeys((*project.requires, *project.after))
    return replace(project, requires=tuple(name for name in earlier if name in there))


class _Resolver:
    """One cluster's view of the shelf."""

    def __init__(self, shelf: Shelf, cluster: Cluster) -> None:
        self._shelf, self._platform, self._features = shelf, cluster.platform, cluster.features
        self._members = self._pacemakers(cluster)

    def resolved(self) -> Iterator[Project]:
        """The projects that the cluster has."""
        for name, raw in self._shelf.projects.items():
            project = self._project(name, self._altered(raw, name))
            if set(project.needs) <= self._features:
                yield project

    def _project(self, name: str, table: Table) -> Project:
        on = read.on(table, self._platform)
        services = [self._service(name, table, on, key) for key in _services(table)]
        whole = {key: value for key, value in table.items() if key not in {"on", "files", "uses", "services"}}
        whole |= {"name": name, "services": [one for one in services if set(one.needs) <= self._features]}
        whole |= {key: on[key] for key in ("schema", "runs_as", "defects") if key in on}
        return _validated(Project, whole, name)

    def _service(self, project: str, table: Table, on: Table, name: str) -> Service:
        entry = self._altered(_services(table)[name], project)
        kind = entry.get("kind", "")
        entry = read.merged(read.kind(self._shelf.root, kind), entry)
        theirs = _services(on).get(name, {})
        own, uses = entry.pop("files", {}), [*table.get("uses", ()), *entry.pop("uses", ())]
        entry |= {
            "name": name,
            "project": project,
            "step": entry.get("step", project),
            "unit": theirs.get("unit", entry.get("unit", name)),
            "runs_as": theirs.get("runs_as", on.get("runs_as", "")),
            "program": theirs.get("program", ""),
            "packages": [*on.get("packages", ()), *theirs.get("packages", ())],
            "sets": list(self._sets(project, name, kind, own, uses)),
            "manager": self._manager(entry),
        }
        entry |= {key: theirs[key] for key in ("settings", "defaults", "internals") if key in theirs}
        entry["paths"] = {**on.get("paths", {}), **theirs.get("paths", {})}
        if isinstance(lose := entry.get("lose", {}), str):
            entry["lose"] = {name: lose}
        service = _validated(Service, entry, f"{project}: services.{name}")
        self._check_budget(service)
        return replace(service, ports=tuple(port for port in service.ports if set(port.needs) <= self._features))

    def _check_budget(self, service: Service) -> None:
        where = f"services.{service.name}: budget"
        if service.budget not in declared().budgets:
            raise _wrong(service.project, [f"{where}: no table of budgets is named {service.budget}"])
        if service.budget and not service.is_api:
            raise _wrong(service.project, [f"{where}: only an API has one; other promises stand in promises.toml"])

    def _sets(self, project: str, name: str, kind: str, own: Table, uses: list[str]) -> Iterator[TemplateSet]:
        """The folders of templates of a service: other projects' that it uses, its project's, its own, its kind's."""
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
        """The table with what the cluster's features alter in it: `[with.<feature>]`."""
        table = dict(raw)
        overlays = table.pop("with", {})
        if unknown := features.unknown(overlays):
            raise _wrong(where, [f"with.{name}: no feature has this name" for name in unknown])
        for feature, overlay in overlays.items():
            if feature in self._features:
                table = read.merged(table, overlay)
        return table

    def _manager(self, entry: Table) -> str:
        """Pacemaker starts units on its own members only; systemd starts all others."""
        roles = set(entry.get("roles", ("controller",)))
        return str(entry.get("manager", "systemd")) if roles <= self._members else "systemd"

    def _pacemakers(self, cluster: Cluster) -> set[str]:
        """The roles of Pacemaker's members; none where the cluster has no Pacemaker."""
        project = self._shelf.projects.get("pacemaker", {})
        if not set(project.get("needs", ())) <= cluster.features:
            return set()
        return set(_services(project).get("pacemaker", {}).get("roles", ("controller",)))


def _services(table: Table) -> dict[str, Table]:
    services: dict[str, Table] = table.get("services", {})
    return services


def _validated(kind: type[T], data: Table, where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise _wrong(where, found) from None


def _wrong(where: str, found: list[Any]) -> InventoryError:
    project = where.partition(":")[0]
    listed = "".join(f"\n  {where}: {each}" for each in found)
    return InventoryError(
        f"templates/{project}/{read.ENTRY} has mistakes; no host was touched{listed}", hint="mend the file"
    )
