"""Records: on each host, a list of everything that a build puts there for a project, for a later removal."""

from deploy.catalogue import Catalogue, Project
from deploy.facts.standing import FOLDER, Record
from deploy.inventory import Node
from deploy.render import Rendered


def of(catalogue: Catalogue, project: Project, node: Node, files: list[Rendered]) -> Record:
    """Return the record of a project on a node; `files`: the project's files on the node."""
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
    """Return the record as a file of the host; no unit reads the file."""
    return Rendered(f"{FOLDER}/{record.project}", record.text, "root:root", "0644", ())
