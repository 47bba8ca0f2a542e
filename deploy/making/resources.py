"""Pacemaker's configuration as data: elements of the CIB, written only where they differ."""

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
"""Seconds in which Pacemaker must have stopped the clones of a project that is removed, on all its members."""
_WRITING = Lock()
"""Steps run side by side; each reads a section and writes it back."""

STARTING = 200
"""Seconds a unit's start may take before it is killed and begun anew; systemd ends it shortly before (templates/wsgi).

An API is started once it accepts requests. On processors shared with two controllers that boot, one took more than 100.
"""
FORGOTTEN = 300
"""Seconds after which Pacemaker forgets a failure: more than it takes to start all units of a host.

One that fails within the transition that started it, Pacemaker 2.1.5 passes over until it looks again after that; what
has expired by then it never mends (controld_te_events.c: "Event already confirmed"; "Rescheduling ... after failure
expired" without end).
"""


def ensure(site: Site, *, resources: Iterable[Element] = (), constraints: Iterable[Element] = ()) -> None:
    """Make those elements part of the CIB, by their ids.

    What is new begins to exist in one piece: a resource whose constraint comes later has been started by then, and
    stays where it is.
    """
    with _WRITING:
        _ensure(site.members("pacemaker").first, {"resources": [*resources], "constraints": [*constraints]})


def _ensure(host: Host, wanted: dict[str, list[Element]]) -> None:
    current = ElementTree.fromstring(host.check("cibadmin --query --scope configuration"))  # noqa: S314 - our own cluster
    new, changed = Element("configuration"), []
    for section, elements in wanted.items():
        there = {child.get("id"): child for child in current.iterfind(f"{section}/*")}
        added = SubElement(new, section)
        for element in elements:
            name = element.get("id", "")
            if name not in there:
                added.append(element)
            elif not _same(there[name], element):
                # By itself: the section as it was read may have been changed since, by another step's restart.
                place = f"//{section}/{there[name].tag}[@id='{name}']"
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
    """Make the cluster's properties so; underscores stand for dashes."""
    host = site.members("pacemaker").first
    names = {name.replace("_", "-"): value for name, value in wanted.items()}
    seen = ElementTree.fromstring(host.check("cibadmin --query --scope crm_config"))  # noqa: S314 - our own cluster
    current = {pair.get("name"): pair.get("value") for pair in seen.iter("nvpair")}
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
    """A primitive; `kind` is `class:type` or `class:provider:type`, `monitor` its interval.

    An operation may take `timeout` seconds, a start `starting` where that is told.
    After so many `tries` that failed it is driven from that node, until the last is `forgotten`, in seconds.
    """
    parts = kind.split(":")
    element = Element("primitive", id=name, type=parts[-1])
    element.set("class", parts[0])
    if len(parts) == 3:
        element.set("provider", parts[1])
    if parameters:
        _pairs(element, "instance_attributes", f"{name}-params", parameters)
    # Sticky: what moved away from a dead node stays where it is when the node returns, instead of moving twice.
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
    """A clone that runs the primitive on every controller."""
    name = f"{inner.get('id')}-clone"
    element = Element("clone", id=name)
    _pairs(element, "meta_attributes", f"{name}-meta", {"interleave": "true"})
    element.append(inner)
    return element


def units(services: Iterable[Service]) -> list[Element]:
    """A clone for each service whose unit Pacemaker owns."""
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
                # What one failure drives away is tried there again before anybody would ask for it (30 s).
                forgotten=FORGOTTEN if service.tries > 1 else 20,
            )
        )
        for service in services
        if service.by_pacemaker
    ]


def clones(site: Site, step: str) -> None:
    """Let Pacemaker run the step's units on every controller; nothing in a cluster without it."""
    if site.ha:
        ensure(site, resources=units(site.catalogue.step(step)))


def remove(site: Site, names: Iterable[str]) -> None:
    """Stop those clones, by the names of their primitives, and take them out of the CIB; one that is not there is gone.

    Stopped before it is deleted: what Pacemaker finds running and unknown it calls an orphan. StepFailed where
    Pacemaker does not tell what it runs, since systemd's stop of a unit would be undone by it.
    """
    wanted = list(names)
    with _WRITING:
        host = site.members("pacemaker").first
        known = pacemaker.configuration(host).resources
        if wanted and not known:
            raise StepFailed(
                f"{host.name}: Pacemaker does not tell what it runs",
                expected="an answer, so that its clones can be removed",
                hint="crm_mon -1 -r there; then run the same command again",
            )
        if there := [name for name in wanted if name in known]:
            host.change(
                f"removed from Pacemaker's configuration: {', '.join(there)}",
                _REMOVE.format(clones=" ".join(f"{name}-clone" for name in there), settle=int(STOPPING)),
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
