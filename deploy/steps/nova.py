"""Nova's control plane: API, metadata, scheduler, conductor, console proxy, and the cells."""

from deploy.host import Host
from deploy.site import Site
from deploy.step import Step
from deploy.steps import api, database, service

# Cell0's database is the one named after Nova's own with _cell0; the credentials come from nova.conf
# at run time ({scheme}...), so that no password is stored in the cell mappings.
CELL0 = "{scheme}://{username}:{password}@{hostname}:{port}/nova_cell0?{query}"
CELL1 = "{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}"
MIGRATIONS = (
    "nova-manage api_db sync",
    f"nova-manage cell_v2 map_cell0 --database_connection '{CELL0}'",
    "nova-manage cell_v2 list_cells | grep -q ' cell1 ' || "
    f"nova-manage cell_v2 create_cell --name cell1 --database_connection '{CELL1}' --transport-url 'none:///'",
    "nova-manage db sync",
)


def apply(site: Site, host: Host) -> None:
    """Packages and files."""
    service.install(site, host, "nova")


def complete(site: Site) -> None:
    """Databases, cells, then the services. The conductor exits without Placement, which comes before."""
    database.ensure(site, site.catalogue.step("nova"))
    api.migrate(site, "nova", "nova-common", MIGRATIONS)
    api.complete(site, "nova")


STEP = Step(
    "nova",
    "compute control plane",
    roles=("controller",),
    requires=("placement", "glance", "rabbitmq"),
    apply=apply,
    complete=complete,
    verify=lambda site, host: service.verify(site, host, "nova"),
    verify_whole=lambda site: api.verify_whole(site, "nova"),
)
