"""The steps of a deployment: one for each project, from the module of its name, or made from its data alone."""

from importlib import import_module
from importlib.util import find_spec

from deploy.catalogue import Catalogue, Project
from deploy.making import ordinary
from deploy.step import Step


def of(catalogue: Catalogue) -> tuple[Step, ...]:
    """The steps of a cluster, each after those it requires."""
    return tuple(_step(catalogue, project) for project in catalogue.projects)


def _step(catalogue: Catalogue, project: Project) -> Step:
    """A module `deploy.steps.<project>` has a function `step`, which takes the project and the roles of its hosts."""
    module = f"{__name__}.{project.name.replace('-', '_')}"
    make = import_module(module).step if find_spec(module) else ordinary.step
    step: Step = make(project, catalogue.roles(project.name))
    return step
