"""Rendering: templates/<project>/<set>/<path on the host>.j2 become files, with owner and mode from the catalogue."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.exceptions import TemplateError, TemplateRuntimeError

from deploy import power
from deploy.catalogue import Addresses, Catalogue, Service, TemplateSet, doors, read
from deploy.errors import StackproofError
from deploy.found import Found
from deploy.inventory import Cluster, Node
from deploy.platforms import Platform
from deploy.secrets import Secrets
from deploy.tls import Tls


@dataclass(frozen=True)
class Rendered:
    """One file as it must be on a host. `units` read the file and restart when it changes."""

    path: str
    text: str
    owner: str
    mode: str
    units: tuple[str, ...]
    folder: str = ""
    """Mode of the file's folder, which has the same owner; empty: the build leaves the folder as it is."""
    whole: bool = False
    """True: a build removes every other file from the folder."""


@dataclass(frozen=True)
class Context:
    """The data that templates are rendered with."""

    cluster: Cluster
    catalogue: Catalogue
    platform: Platform
    secrets: Secrets
    found: Found
    takes_plain: bool = False
    """True: HAProxy takes plain HTTP at the VIP besides TLS, while a running cluster changes over."""


def files(context: Context, node: Node, services: Iterable[Service]) -> list[Rendered]:
    """Return all files of the services on that node; StackproofError names a template that cannot be rendered."""
    rendered: dict[str, Rendered] = {}
    known = {
        "cluster": context.cluster,
        "catalogue": context.catalogue,
        "addresses": Addresses(context.cluster, context.catalogue),
        "platform": context.platform,
        "secrets": context.secrets,
        "takes_plain": context.takes_plain,
        "tls": Tls(context.cluster, context.secrets),
        "facts": context.found,
        "doors": partial(doors, context.cluster, context.catalogue, node),  # many sets are rendered without them
        "node": node,
        "ha": context.cluster.vip is not None,
    }
    for service in services:
        for each in service.sets:
            for template in _templates(each.folder):
                for target in _targets(context, node, template):
                    file = _file(context, node, service, each, template, target=target, known=known)
                    if file is not None:
                        rendered.setdefault(file.path, file)
    return list(rendered.values())


def _targets(context: Context, node: Node, template: str) -> tuple[Node, ...]:
    """Return every controller for a path with `{controller}`, which is one file per controller; else the node alone."""
    return context.cluster.role("controller") if "{controller}" in template else (node,)


def _file(
    context: Context,
    node: Node,
    service: Service,
    of: TemplateSet,
    template: str,
    *,
    target: Node,
    known: Mapping[str, object],
) -> Rendered | None:
    """Render one template with what all templates know, its service, and the node that the file is about."""
    authorities = power.authorities(target) if "{controller}" in template else ""
    variables = {**known, "target": target, "authorities": authorities, "service": service}
    try:
        text = _environment().get_template(f"{of.folder}/{template}.j2").render(variables)
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise StackproofError(
            f"template {of.folder}/{template}.j2 does not render for {node.name}",
            expected="every name in the template to be defined and to have a value",
            seen=f"{type(error).__name__}: {error}",
        ) from None
    if not text.strip():
        return None  # an empty result means that this node does not have the file
    rule = of.files.of(f"/{template}")
    users = _users(context, node, service, of, template)
    path = _path(context.platform, service, template, target)
    return Rendered(path, text, rule.owner, rule.mode, users, rule.folder, rule.whole)


def _users(context: Context, node: Node, service: Service, of: TemplateSet, template: str) -> tuple[str, ...]:
    """Return the units on that node that use the set; only the service's own unit for a path that contains its name."""
    if any(own in template for own in ("{unit}", "{service}", "{script}")):
        return (service.unit,)
    return tuple(user.unit for user in context.catalogue.on(node) if user.unit and of in user.sets)


def _path(platform: Platform, service: Service, template: str, target: Node) -> str:
    """Return the path on the host: `{name}` becomes the service's name or path of that name, else the platform's path.

    `{script}` is the file name of the service's WSGI program.
    """
    script = service.program.rpartition("/")[2]
    own = {"service": service.name, "unit": service.unit, "controller": target.name, "script": script, **service.paths}
    path = re.sub(r"{([^}]+)}", lambda name: own.get(name[1]) or platform.paths[name[1]], template)
    return re.sub(r"//+", "/", f"/{path}")


@cache
def _templates(name: str) -> tuple[str, ...]:
    root = read.ROOT / name
    return tuple(sorted(str(path.relative_to(root))[: -len(".j2")] for path in root.rglob("*.j2")))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(read.ROOT),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
        auto_reload=False,  # else each use of a template checks its time
        finalize=_written,
    )


def _written(value: object) -> object:
    """Return the value that `{{ }}` writes; an error for None, which Jinja would write as the word None."""
    if value is None:
        raise TemplateRuntimeError("a written value is None")
    return value
