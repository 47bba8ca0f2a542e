"""The catalogue of one cluster as tables of text: services by role, ports by host, budgets by class of fault."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from deploy.catalogue.model import Catalogue, Port, Service
from deploy.inventory import Cluster, Node

WIDTH = 120
Row = Sequence[str]


def lines(cluster: Cluster, catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of all three tables, each below a heading, at most 120 columns wide."""
    yield "services by role"
    yield from table(
        ("role", "service", "project", "kind", "unit", "started by", "clients' port"), by_role(cluster, catalogue)
    )
    yield ""
    yield "ports by host"
    yield from table(("hosts", "port", "address", "service", "use"), by_host(cluster, catalogue))
    yield ""
    yield "budgets by class of fault"
    yield from table(("class", "seconds", "allowed outage of"), by_fault(budgets(catalogue)))


def by_role(cluster: Cluster, catalogue: Catalogue) -> Iterator[Row]:
    """Yield a row per role and service, for roles that a node has."""
    for role in dict.fromkeys(role for node in cluster.nodes for role in node.roles):
        for service in catalogue.services:
            if role in service.roles:
                manager = service.manager if service.unit else ""
                port = f"{service.port or ''}{' by the VIP' if service.proxy and catalogue.has('haproxy') else ''}"
                yield role, service.name, service.project, service.kind, service.unit, manager, port


def by_host(cluster: Cluster, catalogue: Catalogue) -> Iterator[Row]:
    """Yield a row per port; hosts with the same services share their rows."""
    alike: dict[tuple[str, ...], list[Node]] = {}
    for node in cluster.nodes:
        alike.setdefault(tuple(service.name for service in catalogue.on(node)), []).append(node)
    for nodes in alike.values():
        names = ", ".join(node.name for node in nodes)
        rows = [row for service in catalogue.on(nodes[0]) for row in _ports(service, catalogue)]
        yield from ((names, *row) for _, *row in sorted(rows))


def by_fault(budgets: dict[str, dict[str, float]]) -> Iterator[Row]:
    """Yield a row per class of fault and allowed outage, shortest first, with the promises that it applies to."""
    for fault in dict.fromkeys(fault for allowed in budgets.values() for fault in allowed):
        seconds = {name: allowed[fault] for name, allowed in budgets.items() if fault in allowed}
        for most in sorted(set(seconds.values())):
            yield fault, f"{most:g}", ", ".join(name for name, value in seconds.items() if value == most)


def budgets(catalogue: Catalogue) -> dict[str, dict[str, float]]:
    """Return the allowed outages in seconds, by promise and class of fault."""
    return {promise.name: promise.budget for promise in catalogue.promises if promise.budget}


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table. The last column is wrapped to the width that is left.

    A first cell equal to that of the row before is left empty.
    """
    rows = list(rows)
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head) - 1)]
    indent = sum(widths) + 2 * len(widths)
    before = ""
    for row in (head, *rows):
        first = "" if row[0] == before else row[0]
        cells = "".join(f"{cell:<{width}}  " for cell, width in zip((first, *row[1:-1]), widths, strict=True))
        text, *more = textwrap.wrap(row[-1], WIDTH - indent) or [""]
        yield f"{cells}{text}".rstrip()
        yield from (f"{'':<{indent}}{line}" for line in more)
        before = row[0]


def _ports(service: Service, catalogue: Catalogue) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield rows without the hosts, each after its port as a number. HAProxy has a row for each service at the VIP."""
    if service.name == "haproxy":
        for member in catalogue.proxied():
            for at in member.vip_ports:
                yield at, str(at), "VIP", service.name, f"clients of {member.name}"
    if service.port:
        yield (
            service.port,
            str(service.port),
            "VIP" if service.name == "haproxy" else "management",
            service.name,
            "clients",
        )
    for port in service.ports:
        yield port.port, _number(port), port.on, service.name, port.use


def _number(port: Port) -> str:
    last = f"-{port.last}" if port.last else ""
    return f"{port.port}{last}" + ("/udp" if port.protocol == "udp" else "")
