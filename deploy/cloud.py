"""The cloud's own API: sessions of openstacksdk, and the projects' registration in Keystone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy.catalogue import Keystone, Project, Service
from deploy.errors import StackproofError
from deploy.journal import JOURNAL
from deploy.site import Site

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter
    from keystoneauth1.plugin import BaseAuthPlugin
    from openstack.connection import Connection

ADMIN, DEMO = "admin", "demo"
EXEMPT = dict.fromkeys(("ignore_lockout_failure_attempts", "ignore_password_expiry", "ignore_user_inactivity"), True)
"""The options of the users that a build makes. Anybody may try to sign in as them; without the first option five tries
with a wrong password would stop a service. Their passwords cannot be guessed, and are not changed by themselves."""
TIMEOUT = 60.0
"""Seconds one API call may take."""

_SIGN_INS: dict[tuple[str, ...], BaseAuthPlugin] = {}
"""The sign-ins of this process, by Keystone's URL, user, password and project. They are in memory only."""


class ApiError(StackproofError):
    """The cloud's API refused a request or did not answer."""


def connect(
    site: Site, user: str = ADMIN, project: str | None = None, timeout: float = TIMEOUT, *, anew: bool = False
) -> Connection:
    """Return a session of that user, in `project` or the project of the user's name.

    Keystone checks a password in a quarter of a second of processor time. So the sessions of a user and project in this
    process share one token. keystoneauth gets the next one before a token ends, and after an answer 401.
    `anew`: the session signs in by itself, for a reading that proves the sign-in, or for a token with its whole life.
    """
    import openstack  # noqa: PLC0415 - as slow to load as everything else together, and most runs never need it

    url, password, home = site.addresses.endpoint("keystone"), site.secrets[f"keystone.{user}"], project or user
    opened = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_url=url,
        username=user,
        password=password,
        project_name=home,
        user_domain_name="Default",
        project_domain_name="Default",
        region_name=site.cluster.region,
        identity_api_version="3",
        api_timeout=timeout,
        app_name="stackproof",
        **({"cacert": ca} if (ca := site.ca) else {}),
    )
    if not anew:
        opened.session.auth = _SIGN_INS.setdefault((url, user, password, home), opened.session.auth)
    return opened


def sign_out() -> None:
    """Let later sessions sign in again: a token's catalogue has the endpoints that there were at its sign-in."""
    _SIGN_INS.clear()


def from_environment(timeout: float = TIMEOUT) -> Connection:
    """Return a session of the user in OS_CLOUD or OS_*, for a cluster that this tool did not build."""
    import openstack  # noqa: PLC0415 - see connect()

    return openstack.connect(api_timeout=timeout)


def done(answer: Any) -> Any:
    """Return an answer that is no error; otherwise raise the SDK's error for it, with the reason that the API gives."""
    from openstack.exceptions import raise_from_response  # noqa: PLC0415 - as in connect

    raise_from_response(answer)
    return answer


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn errors of the SDK into ApiError, which names the action, such as `reading the hypervisors`."""
    try:
        yield
    except _refusals() as error:
        raise ApiError(
            f"{action}: the API refused or did not answer",
            seen=JOURNAL.redact(f"{type(error).__name__}: {error}"),
            hint="the service's log on the controllers has the reason: journalctl -u <service>",
        ) from None


def _refusals() -> tuple[type[Exception], ...]:
    import requests  # noqa: PLC0415 - see connect()
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415
    from openstack.exceptions import SDKException  # noqa: PLC0415

    return SDKException, ClientException, requests.RequestException


def answers(url: str, expect: Iterable[int], ca: str = "") -> bool:
    """Return True where the URL answers with one of the status codes within 5 s. `ca`: see `Site.ca`."""
    import requests  # noqa: PLC0415 - see connect()

    try:
        answer = requests.get(url, timeout=5, verify=ca or True, allow_redirects=False)
    except requests.RequestException:
        return False
    return answer.status_code in set(expect)


def register_account(site: Site, project: Project) -> None:
    """Create a project's roles, domain and account (with the roles it needs in project `service`)."""
    extras = project.keystone
    if not (project.account or extras.roles or extras.domain):
        return
    with explained(f"registering {project.name} in Keystone"), connect(site) as cloud:
        retry_server_errors(cloud.identity)
        for name in extras.roles:
            role(cloud, name)
        if extras.domain:
            _domain(site, cloud, extras)
        if project.account:
            account(
                site, cloud, project.account, "service", ("service", "admin") if project.administers else ("service",)
            )
            if not project.administers:
                _no_admin(cloud, project.account)


def register_endpoints(site: Site, project: Project) -> None:
    """Create the endpoints of a project's services."""
    endpoints = [service for service in project.services if service.endpoint]
    if not endpoints:
        return
    with explained(f"registering endpoints of {project.name} in Keystone"), connect(site) as cloud:
        retry_server_errors(cloud.identity)
        for service in endpoints:
            _endpoints(site, cloud, service)


def unregister(site: Site, endpoints: Iterable[tuple[str, str]], account: str) -> None:
    """Delete a project's services and endpoints (by name and type) and its user from Keystone."""
    with explained("removing endpoints from Keystone"), connect(site) as cloud:
        identity = cloud.identity
        for name, kind in endpoints:
            for service in list(identity.services(name=name, type=kind)):
                for endpoint in list(identity.endpoints(service_id=service.id)):
                    identity.delete_endpoint(endpoint)
                identity.delete_service(service)
                sign_out()
                JOURNAL.emit("change", f"removed service {name} and its endpoints", host="api")
        if account and (user := identity.find_user(account)):
            identity.delete_user(user)
            JOURNAL.emit("change", f"removed user {account}", host="api")


def role(cloud: Connection, name: str) -> Any:
    """Return the role of that name; create it where it is missing."""
    identity = cloud.identity
    return _ensured(f"role {name}", partial(identity.find_role, name), partial(identity.create_role, name=name))


def _domain(site: Site, cloud: Connection, wanted: Keystone) -> None:
    """Create a project's own domain, and the user that administers the domain."""
    identity = cloud.identity
    domain = _ensured(
        f"domain {wanted.domain}",
        partial(identity.find_domain, wanted.domain),
        partial(identity.create_domain, name=wanted.domain),
    )
    user = _ensured(
        f"user {wanted.domain_admin}",
        partial(identity.find_user, wanted.domain_admin, domain_id=domain.id),
        lambda: identity.create_user(
            name=wanted.domain_admin, domain_id=domain.id, password=site.secrets[f"keystone.{wanted.domain_admin}"]
        ),
    )
    exempt(cloud, user)
    admin = role(cloud, "admin")
    if not identity.validate_user_has_domain_role(domain, user, admin):
        identity.assign_domain_role_to_user(domain, user, admin)
        JOURNAL.emit("change", f"gave {wanted.domain_admin} the role admin in domain {wanted.domain}", host="api")


def account(site: Site, cloud: Connection, name: str, project: str, roles: Iterable[str]) -> None:
    """Create a user with the password of the secrets, and give the user the roles in the project."""
    identity = cloud.identity
    user = _ensured(
        f"user {name}",
        partial(identity.find_user, name),
        lambda: identity.create_user(name=name, password=site.secrets[f"keystone.{name}"]),
    )
    exempt(cloud, user)
    home = identity.find_project(project, ignore_missing=False)
    for role_name in roles:
        given = role(cloud, role_name)
        if not identity.validate_user_has_project_role(home, user, given):
            identity.assign_project_role_to_user(home, user, given)
            JOURNAL.emit("change", f"gave {name} the role {role_name} in {project}", host="api")


def exempt(cloud: Connection, user: Any) -> None:
    """Exempt a user of the build from lock-out, expiry and inactivity."""
    from openstack.exceptions import raise_from_response  # noqa: PLC0415 - see connect()

    answer = cloud.identity.get(f"/users/{user.id}")
    raise_from_response(answer)
    if not EXEMPT.items() <= answer.json()["user"].get("options", {}).items():
        raise_from_response(cloud.identity.patch(f"/users/{user.id}", json={"user": {"options": EXEMPT}}))
        JOURNAL.emit("change", f"exempted {user.name} from lock-out, expiry and inactivity", host="api")


def _no_admin(cloud: Connection, name: str) -> None:
    """Take the role admin in project `service` from a service's user; earlier versions gave it to each of them."""
    identity = cloud.identity
    user, home = identity.find_user(name), identity.find_project("service", ignore_missing=False)
    admin = role(cloud, "admin")
    if identity.validate_user_has_project_role(home, user, admin):
        identity.unassign_project_role_from_user(home, user, admin)
        JOURNAL.emit("change", f"took the role admin in service from {name}", host="api")


def project(cloud: Connection, name: str) -> None:
    """Create a project of that name where it is missing."""
    _ensured(
        f"project {name}",
        partial(cloud.identity.find_project, name),
        partial(cloud.identity.create_project, name=name, domain_id="default"),
    )


def _endpoints(site: Site, cloud: Connection, service: Service) -> None:
    assert service.endpoint is not None  # noqa: S101 - the caller checks it
    entry = service.endpoint
    identity = cloud.identity
    known = next(iter(identity.services(name=entry.name, type=entry.type)), None) or _made(
        f"service {entry.name}", lambda: identity.create_service(name=entry.name, type=entry.type)
    )
    url = site.addresses.endpoint(service.name)
    there = {endpoint.interface: endpoint for endpoint in identity.endpoints(service_id=known.id)}
    for interface in ("public", "internal", "admin"):
        endpoint = there.get(interface)
        if endpoint is None:
            _made(
                f"{interface} endpoint of {entry.name}",
                partial(
                    identity.create_endpoint,
                    service_id=known.id,
                    interface=interface,
                    url=url,
                    region_id=site.cluster.region,
                ),
            )
        elif endpoint.url != url:
            identity.update_endpoint(endpoint, url=url)
            JOURNAL.emit("change", f"moved the {interface} endpoint of {entry.name} to {url}", host="api")
        else:
            continue
        sign_out()


def retry_server_errors(api: Adapter) -> None:
    """Let this API's requests be repeated while it answers 500, 502, 503 or 504, for 15 s in all.

    Keystone once answered so just after its start on several controllers, and a whole build failed.
    """
    api.retriable_status_codes = [500, 502, 503, 504]
    api.status_code_retries = 5  # after 0.5, 1, 2, 4 and 8 s


def _ensured(what: str, find: Callable[[], Any], make: Callable[[], Any]) -> Any:
    """Return the object that `find` finds; else create it, or return the one that a parallel step just created."""
    from openstack.exceptions import ConflictException  # noqa: PLC0415 - see connect()

    found = find()
    if found:
        return found
    try:
        return _made(what, make)
    except ConflictException:
        return find()


def _made(what: str, make: Callable[[], Any]) -> Any:
    made = make()
    JOURNAL.emit("change", f"created {what}", host="api")
    return made
