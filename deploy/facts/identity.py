"""Identity: endpoints, projects and role assignments from Keystone's API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openstack.connection import Connection

DEFAULT = "default"
"""The ID of the domain Default; Keystone's bootstrap fixes it."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of Keystone's service catalogue."""

    service: str
    type: str
    interface: str
    region: str
    url: str


@dataclass(frozen=True)
class Assignment:
    """A role of a user; `place` is `project NAME`, `domain NAME` or `system`.

    Names are unique within a domain only; outside the domain Default they are followed by ` of domain NAME`.
    """

    user: str
    role: str
    place: str


def endpoints(cloud: Connection) -> list[Endpoint]:
    """Return every enabled endpoint of every enabled service."""
    services = {service.id: service for service in cloud.identity.services() if service.is_enabled}
    return [
        Endpoint(
            services[each.service_id].name, services[each.service_id].type, each.interface, each.region_id, each.url
        )
        for each in cloud.identity.endpoints()
        if each.is_enabled and each.service_id in services
    ]


def projects(cloud: Connection) -> list[str]:
    """Return the names of the enabled projects of the domain Default."""
    return [project.name for project in cloud.identity.projects(domain_id=DEFAULT) if project.is_enabled]


def assignments(cloud: Connection) -> list[Assignment]:
    """Return the role assignments of users; a role of a group is returned for each of its members."""
    # `effective` takes groups apart, and leaves out roles in the system.
    asked = ("effective=true", "scope.system=all")
    answers = (cloud.identity.get(f"/role_assignments?include_names=true&{words}").json() for words in asked)
    return [parse(entry) for answer in answers for entry in answer["role_assignments"] if "user" in entry]


def options(cloud: Connection) -> dict[str, dict[str, Any]]:
    """Return the options of each user of the domain Default, such as an exemption from lock-out, by the user's name."""
    users = cloud.identity.get(f"/users?domain_id={DEFAULT}").json()["users"]
    return {user["name"]: user.get("options", {}) for user in users}


def parse(entry: dict[str, Any]) -> Assignment:
    """Parse one entry of `GET /v3/role_assignments?include_names`."""
    kind = next(iter(entry["scope"]))
    place = "system" if kind == "system" else f"{kind} {_named(entry['scope'][kind])}"
    return Assignment(_named(entry["user"]), entry["role"]["name"], place)


def _named(thing: dict[str, Any]) -> str:
    """Return the name of a user, a project or a domain, which is itself in no domain."""
    domain = thing.get("domain", {"id": DEFAULT})
    return thing["name"] if domain["id"] == DEFAULT else f"{thing['name']} of domain {domain['name']}"


def token(cloud: Connection) -> str:
    """Return a token of the administrator."""
    return str(cloud.auth_token)


def credentials(cloud: Connection) -> dict[str, str]:
    """Return the administrator's username, password and project_name; an unknown value is empty."""
    given = cloud.config.config["auth"]
    return {key: str(given.get(key, "")) for key in ("username", "password", "project_name")}
