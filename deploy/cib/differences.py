"""Differences between the CIB and what a build sets: things that are not ours, that are missing, and that changed."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.catalogue import Catalogue
from deploy.cib import items, wanted
from deploy.cib.items import Details, Items
from deploy.inventory import Cluster

_KINDS = {
    "crm_config": "property",
    "nodes": "node",
    "resources": "resource",
    "constraints": "constraint",
    "fencing-topology": "fencing level",
    "rsc_defaults": "default of resources",
    "op_defaults": "default of operations",
    "acls": "ACL",
    "tags": "tag",
    "alerts": "alert",
}
"""Words for the items of each section."""
_PACEMAKERS_OWN = {"have-watchdog", "dc-version", "cluster-infrastructure", "cluster-name", "last-lrm-refresh"}
"""Cluster properties that Pacemaker writes, the last one at `crm_resource --cleanup`."""
_OFF, _ON = {"off", "false"}, {"on", "true"}
_PROPERTIES = {"maintenance-mode": _OFF, "stop-all-resources": _OFF, "symmetric-cluster": _ON}
"""Values of cluster properties that mean the same as none, which remain after an operator's maintenance."""
_DETAILS = {
    "parameter standby": _OFF,
    "parameter maintenance": _OFF,
    "type": {"member"},
    "meta maintenance": _OFF,
    "meta is-managed": _ON,
    "meta target-role": {"Started"},
}
"""Values of details that mean the same as none, such as those of `crm_standby -v off`."""


@dataclass(frozen=True)
class Difference:
    """One difference. `what` holds no secret; `hint`: the commands that show it and end it."""

    section: str
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} ({self.hint})"


def of_cluster(held: Items, cluster: Cluster, catalogue: Catalogue) -> list[Difference]:
    """Return every difference of the CIB's items from what a build of the cluster sets, sorted."""
    nodes: Items = {("nodes", node.name): {} for node in cluster.role(*catalogue["pacemaker"].roles)}
    return between(held, {**items.of_part(wanted.whole(cluster, catalogue)), **nodes})


def between(held: Items, ours: Items) -> list[Difference]:
    """Return every difference of the CIB's items from ours, sorted."""
    foreign = (_foreign(*key) for key in held.keys() - ours.keys() if not _means_nothing(key, held[key]))
    missing = (_missing(*key) for key in ours.keys() - held.keys())
    changed = (each for key in held.keys() & ours.keys() for each in _changed(key, held[key], ours[key]))
    return sorted([*foreign, *missing, *changed], key=str)


def _means_nothing(key: tuple[str, str], details: Details) -> bool:
    section, name = key
    return section == "crm_config" and (
        name in _PACEMAKERS_OWN or (details.keys() == {"value"} and details["value"] in _PROPERTIES.get(name, ()))
    )


def _foreign(section: str, name: str) -> Difference:
    removal = f"crm_node --remove {name} removes it" if section == "nodes" else "--delete instead of --query removes it"
    return Difference(
        section, f"{_KINDS.get(section, section)} {name} is not ours", f"{_query(section, name)}; {removal}"
    )


def _missing(section: str, name: str) -> Difference:
    return Difference(section, f"{_KINDS.get(section, section)} {name} is missing", "a build sets it")


def _changed(key: tuple[str, str], held: Details, ours: Details) -> Iterator[Difference]:
    section, name = key
    for place in sorted(held.keys() | ours.keys()):
        seen, expected = held.get(place), ours.get(place)
        if seen == expected or (expected is None and seen in _DETAILS.get(place, ())):
            continue
        # A foreign parameter, and any of a fence device, may be a password.
        hidden = section == "resources" and (expected is None or ours.get("class") == "stonith")
        text = _text(place, seen, expected, hidden=hidden and place.startswith("parameter "))
        yield Difference(section, f"{_KINDS[section]} {name}: {text}", f"{_query(section, name)}; {_end(key, place)}")


def _text(place: str, seen: str | None, expected: str | None, *, hidden: bool) -> str:
    if hidden:
        found = "is not set" if seen is None else "is set, and is not ours" if expected is None else "differs"
        return f"{place} {found}"
    return f"{place} is {_shown(seen)}, expected: {_shown(expected)}"


def _shown(value: str | None) -> str:
    return "not set" if value is None else value or "empty"


def _end(key: tuple[str, str], place: str) -> str:
    section, name = key
    if section == "nodes" and place.startswith("parameter "):
        attribute = shlex.quote(place.removeprefix("parameter "))
        return f"crm_attribute --type nodes --node {name} --name {attribute} --delete ends it"
    return "a build sets it again"


def _query(section: str, name: str) -> str:
    """Return the command that shows an item."""
    if section == "crm_config":
        return f"crm_attribute --type crm_config --name {shlex.quote(name)} --query"
    element = {"nodes": f"node[@uname='{name}']"}.get(section, f"*[@id='{name}']")
    if section in {"rsc_defaults", "op_defaults"}:
        element = f"nvpair[@name='{name}']"
    return f'cibadmin --query --xpath "//{section}//{element}"'
