"""Nova's control plane: API, metadata, scheduler, conductor, console proxy, and the cells."""

from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.making import ordinary
from deploy.site import Site
from deploy.step import Step

# The cell mappings contain placeholders that Nova fills from nova.conf at run time, so the database has no password.
DATABASE = "{scheme}://{username}:{password}@{hostname}:{port}"


def _migrations(site: Site) -> list[str]:
    """Return the commands: schema of the API database, the two cells, then schema of the cells."""
    count = len(site.members("rabbitmq"))
    indexes = [""] if count == 1 else [str(number) for number in range(1, count + 1)]
    members = ",".join(f"{{username{i}}}:{{password{i}}}@{{hostname{i}}}:{{port{i}}}" for i in indexes)
    return [
        "nova-manage api_db sync",
        f"nova-manage cell_v2 map_cell0 --database_connection '{DATABASE}/nova_cell0?{{query}}'",
        "nova-manage cell_v2 list_cells 2>/dev/null | grep -q ' cell1 ' || "
        "nova-manage cell_v2 create_cell --name cell1 "
        f"--database_connection '{DATABASE}/{{path}}?{{query}}' --transport-url 'rabbit://{members}/'",
        "nova-manage db sync",
    ]


def complete(site: Site) -> None:
    """Create databases and cells, then start the services. The conductor needs Placement, an earlier step."""
    ordinary.complete(site, "nova", _migrations(site))


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete)
