"""Identity: what Keystone's own API says of services, projects and who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openstack.connection import Connection


@dataclass(frozen=True)
class Endpoint:
    """One line of the service catalogue."""

    service: str
    type: str
    interface: str
    region: str
    url: str


@dataclass(frozen=True)
class Assignment:
    """A user, a role, and where the user has it: a project, a domain, or `system`."""

    user: str
    role: str
    place: str


def endpoints(cloud: Connection) -> list[Endpoint]:
    """Every endpoint that is enabled, of every service that is enabled."""
    services = {service.id: service for service in cloud.identity.services() if service.is_enabled}
    return [
        Endpoint(
            services[told.service_id].name, services[told.service_id].type, told.interface, told.region_id, told.url
        )
        for told in cloud.identity.endpoints()
        if told.is_enabled and told.service_id in services
    ]


def projects(cloud: Connection) -> list[str]:
    """The names of the projects that are enabled."""
    return [project.name for project in cloud.identity.projects() if project.is_enabled]


def assignments(cloud: Connection) -> list[Assignment]:
    """Who has which role where; those that come by a group are told of each of its members."""
    told = cloud.identity.get("/role_assignments?include_names=true&effective=true").json()["role_assignments"]
    return [parse(entry) for entry in told if "user" in entry]


def parse(entry: dict[str, dict[str, str]]) -> Assignment:
    """One entry of `GET /v3/role_assignments?include_names`."""
    kind = next(iter(entry["scope"]))
    scope = entry["scope"][kind]
    place = "system" if kind == "system" else f"{kind} {scope['name']}"  # type: ignore[index]
    return Assignment(entry["user"]["name"], entry["role"]["name"], place)


def token(cloud: Connection) -> str:
    """A token of the administrator."""
    return str(cloud.auth_token)


def credentials(cloud: Connection) -> dict[str, str]:
    """What the administrator signs in with: username, password and project_name, as far as known."""
    given = cloud.config.config["auth"]
    return {key: str(given.get(key, "")) for key in ("username", "password", "project_name")}
