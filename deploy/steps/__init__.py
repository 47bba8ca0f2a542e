"""The steps of a deployment: one per project, from the module of the project's name, else from its data alone."""

from importlib import import_module
from importlib.util import find_spec

from deploy.catalogue import Catalogue, Project
from deploy.making import ordinary
from deploy.step import Step


def of(catalogue: Catalogue) -> tuple[Step, ...]:
    """Return the steps of a cluster, each after its required steps."""
    return tuple(_step(catalogue, project) for project in catalogue.projects)


def _step(catalogue: Catalogue, project: Project) -> Step:
    """Return a project's step: from `step(project, roles)` in `deploy.steps.<project>`, else the ordinary one."""
    module = f"{__name__}.{project.name.replace('-', '_')}"
    make = import_module(module).step if find_spec(module) else ordinary.step
    step: Step = make(project, catalogue.roles(project.name))
    return step
