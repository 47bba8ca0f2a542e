"""Records: on each host, what a build put there for a project, so that a later build knows what stands."""

from deploy.catalogue import Catalogue, Project
from deploy.facts.standing import FOLDER, Record
from deploy.inventory import Node
from deploy.render import Rendered


def of(catalogue: Catalogue, project: Project, node: Node, files: list[Rendered]) -> Record:
    """The record of a project on a node that has those files of it."""
    here = [service for service in catalogue.step(project.name) if service.on(node)]
    return Record(
        project=project.name,
        units=tuple(service.unit for service in here if service.unit),
        files=tuple(sorted(file.path for file in files)),
        clones=tuple(service.name for service in here if service.by_pacemaker),
        proxies=tuple(service.name for service in here if service.proxy),
        endpoints=tuple((end.name, end.type) for service in here if (end := service.endpoint)),
        account=project.account,
        databases=project.database,
        data=project.data,
    )


def file(record: Record) -> Rendered:
    """The record as a file of the host; no unit reads it."""
    return Rendered(f"{FOLDER}/{record.project}", record.text, "root:root", "0644", ())
