"""Nova's control plane: API, metadata, scheduler, conductor, console proxy, and the cells."""

import shlex
from collections.abc import Sequence

from deploy.catalogue import Project
from deploy.making import database, ordinary
from deploy.site import Site
from deploy.step import Step

# The cell mappings contain placeholders that Nova fills from nova.conf at run time, so the database has no password.
DATABASE = "{scheme}://{username}:{password}@{hostname}:{port}"
CELL1 = f"{DATABASE}/{{path}}?{{query}}"


def transport(members: int) -> str:
    """Return the mapping of a cell to RabbitMQ; the placeholder `path` stands for the virtual host."""
    indexes = [""] if members == 1 else [str(number) for number in range(1, members + 1)]
    named = ",".join(f"{{username{i}}}:{{password{i}}}@{{hostname{i}}}:{{port{i}}}" for i in indexes)
    return f"rabbit://{named}/{{path}}"


def _migrations(site: Site) -> list[str]:
    """Return the commands: schema of the API database, the two cells, then schema of the cells."""
    queue = transport(len(site.members("rabbitmq")))
    return [
        "nova-manage api_db sync",
        f"nova-manage cell_v2 map_cell0 --database_connection '{DATABASE}/nova_cell0?{{query}}'",
        "nova-manage cell_v2 list_cells 2>/dev/null | grep -q ' cell1 ' || "
        "nova-manage cell_v2 create_cell --name cell1 "
        f"--database_connection '{CELL1}' --transport-url '{queue}'",
        "nova-manage db sync",
    ]


_OTHERWISE = """SELECT uuid FROM nova_api.cell_mappings WHERE name='cell1'
AND (transport_url<>'{transport}' OR database_connection<>'{database}')"""


def _mapped(site: Site) -> None:
    """Map cell1 to the virtual host of nova.conf, which builds of earlier versions did not."""
    wanted = transport(len(site.members("rabbitmq")))
    otherwise = _OTHERWISE.format(transport=wanted, database=CELL1)
    if identifier := database.sql(site.members("galera").first, otherwise).strip():
        # Nova writes the URL of nova.conf, with its password, where the command names no database.
        command = (
            f"nova-manage cell_v2 update_cell --cell_uuid {identifier} --transport-url '{wanted}' "
            f"--database_connection '{CELL1}'"
        )
        site.members("nova-conductor").first.change(
            "mapped cell1 as nova.conf says", f"su -s /bin/sh -c {shlex.quote(command)} nova", timeout=120
        )


def complete(site: Site) -> None:
    """Create databases and cells, then start the services. The conductor needs Placement, an earlier step."""
    ordinary.complete(site, "nova", _migrations(site), migrated=_mapped)


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(project, roles, complete=complete)
