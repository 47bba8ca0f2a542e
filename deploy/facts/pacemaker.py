"""Pacemaker: members, quorum, resources, and the configuration in the CIB."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree import ElementTree

from deploy.cib.items import Items, of_configuration
from deploy.host import Host, Hosts, Reads


@dataclass(frozen=True)
class PacemakerStatus:
    """The output of `crm_mon` on one node. No online members: Pacemaker did not answer."""

    online: tuple[str, ...] = ()
    """Members that are online, not pending, not unclean (lost and not yet fenced), and have no fencing pending.

    A member that returns while it is being fenced is online to its peers, and is powered off all the same.
    """
    quorum: bool = False
    fencing: bool = False
    running: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Online nodes where each resource is started, by the primitive's name."""
    failed: tuple[str, ...] = ()
    """Failed actions, as `resource operation on node: reason`."""
    unmanaged: frozenset[str] = frozenset()
    """Names of primitives that Pacemaker does not manage; in maintenance Pacemaker does not monitor them either."""


def status(host: Reads) -> PacemakerStatus:
    """Return Pacemaker's status on that host; `PacemakerStatus()` where Pacemaker does not answer."""
    result = host.run("crm_mon -1 -r --output-as=xml", timeout=20)
    return parse(result.out) if result.ok else PacemakerStatus()


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> PacemakerStatus:
    """Parse `crm_mon -1 -r --output-as=xml` of Pacemaker 2.1."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - our own cluster's output
    except ElementTree.ParseError:
        return PacemakerStatus()
    events = root.iterfind("fence_history/fence_event")
    doomed = {event.get("target") for event in events if event.get("status") == "pending"}
    members = [node.get("name", "") for node in root.iterfind("nodes/node") if _takes_part(node)]
    online = [name for name in members if name not in doomed]
    running: dict[str, list[str]] = {}
    for resource in root.iter("resource"):
        nodes = running.setdefault(resource.get("id", "").split(":")[0], [])
        if resource.get("role") == "Started" and resource.get("failed") != "true":
            nodes += [node.get("name", "") for node in resource.iter("node") if node.get("name", "") in online]
    quorum, options = root.find("summary/current_dc"), root.find("summary/cluster_options")
    return PacemakerStatus(
        online=tuple(online),
        quorum=quorum is not None and quorum.get("with_quorum") == "true",
        fencing=options is not None and options.get("stonith-enabled") == "true",
        running={name: tuple(sorted(nodes)) for name, nodes in running.items()},
        failed=tuple(
            f"{f.get('op_key', '')} on {f.get('node', '')}: {f.get('exitreason') or f.get('exitstatus', '')}"
            for f in root.iterfind("failures/failure")
        ),
        unmanaged=frozenset(
            resource.get("id", "").split(":")[0]
            for resource in root.iter("resource")
            if resource.get("managed") == "false"
        ),
    )


def _takes_part(node: ElementTree.Element) -> bool:
    return (node.get("online"), node.get("pending"), node.get("unclean")) == ("true", "false", "false")


def holder(hosts: Hosts, resource: str) -> Host | None:
    """Return the host that runs a resource, according to the first host that reports it running; None: nowhere."""
    for host in hosts.values():
        nodes = status(host).running.get(resource, ())
        if nodes:
            return hosts.get(nodes[0])
    return None


@dataclass(frozen=True)
class Resource:
    """One primitive's configuration."""

    kind: str
    """`class:type`, or `class:provider:type`."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    cloned: bool = False
    watched_every: str = ""
    """The interval of the monitor operation; empty: no monitor."""


@dataclass(frozen=True)
class Constraint:
    """One constraint: its kind (`colocation`, `order`, `location`) and its XML attributes."""

    name: str
    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    """The condition of a rule, such as `#is_dc eq true`; the rule's score is in `attributes`."""


@dataclass(frozen=True)
class Configuration:
    """The configuration in the CIB."""

    properties: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    items: Items = field(default_factory=dict)
    """All of the configuration, in the form in which it is compared with what a build sets."""

    def of_kind(self, kind: str, **parameters: str) -> str:
        """Return the name of the first resource of that kind with those parameters; empty: none."""
        for name, resource in self.resources.items():
            if resource.kind == kind and parameters.items() <= resource.parameters.items():
                return name
        return ""


def configuration(host: Reads) -> Configuration:
    """Read the CIB on that host; `Configuration()` where the query fails."""
    result = host.run("cibadmin --query --scope configuration", timeout=20)
    return parse_configuration(result.out) if result.ok else Configuration()


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_configuration(text: str) -> Configuration:
    """Parse `cibadmin --query --scope configuration`."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - our own cluster's output
    except ElementTree.ParseError:
        return Configuration()
    cloned = {primitive.get("id") for clone in root.iter("clone") for primitive in clone.iter("primitive")}
    return Configuration(
        properties=_pairs(root.find("crm_config")),
        resources={
            primitive.get("id", ""): _resource(primitive, cloned=primitive.get("id") in cloned)
            for primitive in root.iterfind("resources//primitive")
        },
        constraints=tuple(_constraint(element) for element in root.iterfind("constraints/*")),
        items=of_configuration(root),
    )


def _constraint(element: ElementTree.Element) -> Constraint:
    rule = element.find("rule")
    if rule is None:
        return Constraint(element.get("id", ""), element.tag.removeprefix("rsc_"), dict(element.attrib))
    condition = [each.get(part, "") for each in rule.iter("expression") for part in ("attribute", "operation", "value")]
    attributes = {**element.attrib, "score": rule.get("score", "")}
    return Constraint(element.get("id", ""), element.tag.removeprefix("rsc_"), attributes, " ".join(condition))


def _resource(primitive: ElementTree.Element, *, cloned: bool) -> Resource:
    parts = [primitive.get(part) for part in ("class", "provider", "type")]
    monitor = primitive.find("operations/op[@name='monitor']")
    return Resource(
        kind=":".join(part for part in parts if part),
        parameters=_pairs(primitive.find("instance_attributes")),
        cloned=cloned,
        watched_every=monitor.get("interval", "") if monitor is not None else "",
    )


def _pairs(element: ElementTree.Element | None) -> dict[str, str]:
    if element is None:
        return {}
    return {pair.get("name", ""): pair.get("value", "") for pair in element.iter("nvpair")}
