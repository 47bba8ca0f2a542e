"""Elements of the CIB: primitives, and clones that run a primitive on every controller."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement

from deploy.catalogue import Service

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


def _pairs(parent: Element, tag: str, name: str, values: dict[str, str]) -> None:
    group = SubElement(parent, tag, id=name)
    for key, value in values.items():
        SubElement(group, "nvpair", id=f"{name}-{key}", name=key, value=value)
