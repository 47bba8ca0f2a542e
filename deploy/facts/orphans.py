"""Orphans: records in the databases whose instance, router, agent, compute, user or project is gone."""

from deploy.facts.ended import END, whole
from deploy.host import Reads

ALIVE = (
    "SELECT uuid FROM nova.instances WHERE deleted = 0 UNION SELECT uuid FROM nova_cell0.instances WHERE deleted = 0"
)
COMPUTES = "SELECT host FROM nova.compute_nodes WHERE deleted = 0 AND host IS NOT NULL"
OVER = "'confirmed', 'reverted', 'completed', 'cancelled', 'error', 'failed'"
"""The states of a migration that is over. Until then it holds an allocation of its own."""

KINDS: dict[str, tuple[frozenset[str], str]] = {
    "ports of instances that are gone": (
        frozenset({"neutron", "nova"}),
        "SELECT id FROM neutron.ports WHERE device_owner LIKE 'compute:%' AND device_id NOT IN (ALIVE)",
    ),
    "ports of routers that are gone": (
        frozenset({"neutron"}),
        """SELECT id FROM neutron.ports WHERE (device_owner LIKE 'network:router%' OR device_owner LIKE 'network:ha_%')
        AND device_id NOT IN (SELECT id FROM neutron.routers)""",
    ),
    "DHCP ports of hosts whose agent does not serve the network": (
        frozenset({"neutron"}),
        """SELECT CONCAT(p.id, ' at ', b.host) FROM neutron.ports p JOIN neutron.ml2_port_bindings b ON b.port_id = p.id
        WHERE p.device_owner = 'network:dhcp' AND b.host <> '' AND NOT EXISTS (SELECT 1
          FROM neutron.networkdhcpagentbindings n JOIN neutron.agents a ON a.id = n.dhcp_agent_id
          WHERE n.network_id = p.network_id AND a.host = b.host)""",
    ),
    "instances of computes that are gone": (
        frozenset({"nova"}),
        """SELECT CONCAT(uuid, ' at ', host) FROM nova.instances
        WHERE deleted = 0 AND host IS NOT NULL AND host NOT IN (COMPUTES)""",
    ),
    "cell mappings of computes that are gone": (
        frozenset({"nova"}),
        "SELECT host FROM nova_api.host_mappings WHERE host NOT IN (COMPUTES)",
    ),
    "resource providers of computes that are gone": (
        frozenset({"nova", "placement"}),
        """SELECT name FROM placement.resource_providers WHERE parent_provider_id IS NULL
        AND uuid NOT IN (SELECT uuid FROM nova.compute_nodes WHERE deleted = 0 AND uuid IS NOT NULL)""",
    ),
    "computes without a resource provider": (
        frozenset({"nova", "placement"}),
        """SELECT hypervisor_hostname FROM nova.compute_nodes
        WHERE deleted = 0 AND uuid NOT IN (SELECT uuid FROM placement.resource_providers)""",
    ),
    "allocations of instances that are gone": (
        frozenset({"nova", "placement"}),
        """SELECT DISTINCT consumer_id FROM placement.allocations WHERE consumer_id NOT IN
        (SELECT uuid FROM nova.migrations WHERE uuid IS NOT NULL AND status NOT IN (OVER) UNION ALIVE)""",
    ),
    "instances without an allocation": (
        frozenset({"nova", "placement"}),
        """SELECT uuid FROM nova.instances WHERE deleted = 0 AND host IS NOT NULL AND task_state IS NULL
        AND vm_state IN ('active', 'stopped', 'paused', 'suspended', 'rescued')
        AND uuid NOT IN (SELECT consumer_id FROM placement.allocations)""",
    ),
    "roles of users, groups or projects that are gone": (
        frozenset({"keystone"}),
        """SELECT CONCAT(type, ' ', actor_id, ' ', target_id) FROM keystone.assignment
        WHERE (type LIKE 'User%' AND actor_id NOT IN (SELECT id FROM keystone.user))
        OR (type LIKE 'Group%' AND actor_id NOT IN (SELECT id FROM keystone.`group`))
        OR target_id NOT IN (SELECT id FROM keystone.project)""",
    ),
    "trusts of users or projects that are gone": (
        frozenset({"keystone"}),
        """SELECT id FROM keystone.trust WHERE deleted_at IS NULL AND
        (trustor_user_id NOT IN (SELECT id FROM keystone.user) OR trustee_user_id NOT IN (SELECT id FROM keystone.user)
        OR (project_id IS NOT NULL AND project_id NOT IN (SELECT id FROM keystone.project)))""",
    ),
    "networks, routers, ports and floating IP addresses of projects that are gone": (
        frozenset({"neutron", "keystone"}),
        """SELECT CONCAT(kind, ' ', id, ' of ', project_id) FROM (
          SELECT 'network' AS kind, id, project_id FROM neutron.networks
          UNION SELECT 'router', id, project_id FROM neutron.routers
          UNION SELECT 'port', id, project_id FROM neutron.ports
          UNION SELECT 'floating IP address', id, project_id FROM neutron.floatingips
        ) owned WHERE project_id <> '' AND project_id NOT IN (SELECT id FROM keystone.project)""",
    ),
    "instances of projects that are gone": (
        frozenset({"nova", "keystone"}),
        """SELECT CONCAT(uuid, ' of ', project_id) FROM nova.instances
        WHERE deleted = 0 AND project_id NOT IN (SELECT id FROM keystone.project)""",
    ),
    "images of projects that are gone": (
        frozenset({"glance", "keystone"}),
        """SELECT CONCAT(id, ' of ', owner) FROM glance.images
        WHERE deleted = 0 AND owner <> '' AND owner NOT IN (SELECT id FROM keystone.project)""",
    ),
}
"""Each kind of orphan, with the projects whose databases it needs and its query, in which ALIVE, COMPUTES and OVER
stand for the texts above. Security groups are left out: Neutron makes one for each project and keeps it after the
project's end. Users of other identity providers have a row in `keystone.user` too."""


def read(host: Reads, projects: frozenset[str], after: int = 0) -> dict[str, tuple[str, ...]]:
    """Return the orphans of each kind that a cluster with those projects can have, from the database on that host.

    All kinds are read in one round trip, `after` seconds from now. CommandFailed where a query fails.
    """
    ask = f"sleep %s; mariadb -N -B && echo {END}"
    text = host.check(ask, after, stdin=_queries(projects), timeout=after + 25)
    return parse(whole(host, "orphans in the databases", text))


def _queries(projects: frozenset[str]) -> str:
    queries = "".join(
        f"SELECT '{kind}', t.* FROM ({query}) t;\n"  # noqa: S608 - both are constants of this file
        for kind, (needs, query) in KINDS.items()
        if needs <= projects
    )
    return queries.replace("ALIVE", ALIVE).replace("COMPUTES", COMPUTES).replace("OVER", OVER)


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Parse rows of kind and name, separated by a tab; skip other lines. A kind without orphans has no entry."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, name in (line.split("\t") for line in text.splitlines() if line.count("\t") == 1):
        found[kind] = (*found.get(kind, ()), name)
    return found
