"""Pacemaker's configuration as elements of the CIB, which are written only where they differ."""

from collections.abc import Iterable
from threading import Lock
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from deploy.catalogue import Service
from deploy.errors import StepFailed
from deploy.facts import pacemaker
from deploy.host import Host
from deploy.site import Site

STOPPING = 180.0
"""Seconds Pacemaker may take to stop the clones of a removed project on all its members."""
_WRITING = Lock()
"""Serialises the steps, which run in parallel: each reads a section of the CIB and writes it back."""

STARTING = 200
"""Seconds a unit's start may take before Pacemaker repeats it; systemd's own limit is shorter (templates/wsgi).

An API counts as started once it accepts requests. With two controllers booting on the same CPU, that took over 100 s.
"""
FORGOTTEN = 300
"""Seconds after which Pacemaker forgets a failure: more than the start of all units of a host takes.

Pacemaker 2.1.5 ignores the failure of a unit within the transition that started the unit until its next recheck. A
failure that has expired by then is never repaired (controld_te_events.c: "Event already confirmed"; "Rescheduling ...
after failure expired" without end).
"""


def ensure(site: Site, *, resources: Iterable[Element] = (), constraints: Iterable[Element] = ()) -> None:
    """Add the elements to the CIB, or replace those with the same id where they differ.

    All new elements are added in one update: a resource that is added before its constraint is started at once, on
    any node, and stays there.
    """
    with _WRITING:
        _ensure(site.members("pacemaker").first, {"resources": [*resources], "constraints": [*constraints]})


def _ensure(host: Host, wanted: dict[str, list[Element]]) -> None:
    current = ElementTree.fromstring(host.check("cibadmin --query --scope configuration"))  # noqa: S314 - our own cluster
    new, changed = Element("configuration"), []
    for section, elements in wanted.items():
        present = {child.get("id"): child for child in current.iterfind(f"{section}/*")}
        added = SubElement(new, section)
        for element in elements:
            name = element.get("id", "")
            if name not in present:
                added.append(element)
            elif not _same(present[name], element):
                # Only this element: another step's restart may have changed the section since it was read.
                place = f"//{section}/{present[name].tag}[@id='{name}']"
                text = ElementTree.tostring(element, encoding="unicode")
                host.check("cibadmin --replace --xpath %s --xml-pipe", place, stdin=text)
            else:
                continue
            changed.append(name)
    if any(map(len, new)):
        text = ElementTree.tostring(new, encoding="unicode")
        host.check("cibadmin --modify --allow-create --scope configuration --xml-pipe", stdin=text)
    if changed:
        host.changed(f"set in Pacemaker's configuration: {', '.join(changed)}")


def properties(site: Site, **wanted: str) -> None:
    """Set cluster properties where they differ; underscores in the names stand for dashes."""
    host = site.members("pacemaker").first
    names = {name.replace("_", "-"): value for name, value in wanted.items()}
    section = ElementTree.fromstring(host.check("cibadmin --query --scope crm_config"))  # noqa: S314 - our own cluster
    current = {pair.get("name"): pair.get("value") for pair in section.iter("nvpair")}
    for name, value in names.items():
        if current.get(name) != value:
            host.check("crm_attribute --type crm_config --name %s --update %s", name, value)
            host.changed(f"set Pacemaker's {name}={value}")


def primitive(
    name: str,
    kind: str,
    parameters: dict[str, str],
    *,
    monitor: str,
    timeout: int = 60,
    starting: int = 0,
    tries: int = 10,
    forgotten: int = 60,
) -> Element:
    """Return a primitive. `kind`: `class:type` or `class:provider:type`; `monitor`: the interval of its monitor.

    `timeout`: seconds an operation may take; `starting`: seconds a start may take, 0: `timeout`. After `tries` failures
    on a node Pacemaker moves the resource away; a failure is forgotten after `forgotten` seconds.
    """
    parts = kind.split(":")
    element = Element("primitive", id=name, type=parts[-1])
    element.set("class", parts[0])
    if len(parts) == 3:
        element.set("provider", parts[1])
    if parameters:
        _pairs(element, "instance_attributes", f"{name}-params", parameters)
    # Stickiness: a resource that left a dead node does not move back when the node returns.
    meta = {"failure-timeout": f"{forgotten}s", "migration-threshold": f"{tries}", "resource-stickiness": "100"}
    _pairs(element, "meta_attributes", f"{name}-meta", meta)
    operations = SubElement(element, "operations")
    for operation, interval in (("monitor", monitor), ("start", "0s"), ("stop", "0s")):
        SubElement(
            operations,
            "op",
            id=f"{name}-{operation}",
            name=operation,
            interval=interval,
            timeout=f"{(operation == 'start' and starting) or timeout}s",
        )
    return element


def clone(inner: Element) -> Element:
    """Return a clone that runs the primitive on every controller."""
    name = f"{inner.get('id')}-clone"
    element = Element("clone", id=name)
    _pairs(element, "meta_attributes", f"{name}-meta", {"interleave": "true"})
    element.append(inner)
    return element


def units(services: Iterable[Service]) -> list[Element]:
    """Return a clone for each service whose unit Pacemaker starts."""
    return [
        clone(
            primitive(
                service.name,
                f"systemd:{service.unit}",
                {},
                monitor=f"{service.watched_every}s",
                timeout=100,
                starting=STARTING,
                tries=service.tries,
                # With one try a failure moves the resource away; the node may run it again before 30 s have passed.
                forgotten=FORGOTTEN if service.tries > 1 else 20,
            )
        )
        for service in services
        if service.by_pacemaker
    ]


def clones(site: Site, step: str) -> None:
    """Let Pacemaker run the step's units on its members; a step without such units may come before Pacemaker's."""
    if wanted := units(site.catalogue.step(step)):
        ensure(site, resources=wanted)


def remove(site: Site, names: Iterable[str]) -> None:
    """Stop the clones of the named primitives and delete them from the CIB; missing ones are ignored.

    They are stopped first, because Pacemaker treats a running resource without configuration as an orphan. StepFailed
    where Pacemaker does not list its resources: it would start a unit again that systemd stops.
    """
    wanted = list(names)
    with _WRITING:
        host = site.members("pacemaker").first
        known = pacemaker.configuration(host).resources
        if wanted and not known:
            raise StepFailed(
                f"{host.name}: Pacemaker does not list its resources",
                expected="the configuration, so that its clones can be removed",
                hint="crm_mon -1 -r there; then run the same command again",
            )
        if present := [name for name in wanted if name in known]:
            host.change(
                f"removed from Pacemaker's configuration: {', '.join(present)}",
                _REMOVE.format(clones=" ".join(f"{name}-clone" for name in present), settle=int(STOPPING)),
                timeout=STOPPING + 60,
            )


_REMOVE = """
for clone in {clones}; do crm_resource -r $clone --meta -p target-role -v Stopped </dev/null >/dev/null; done
crm_resource --wait -T {settle} </dev/null >/dev/null
for clone in {clones}; do cibadmin --delete --xpath "//resources/clone[@id='$clone']"; done
"""


def _pairs(parent: Element, tag: str, name: str, values: dict[str, str]) -> None:
    group = SubElement(parent, tag, id=name)
    for key, value in values.items():
        SubElement(group, "nvpair", id=f"{name}-{key}", name=key, value=value)


def _same(one: Element, other: Element) -> bool:
    def plain(element: Element) -> str:
        text = ElementTree.tostring(element, encoding="unicode")
        return ElementTree.canonicalize(text, strip_text=True)

    return plain(one) == plain(other)
