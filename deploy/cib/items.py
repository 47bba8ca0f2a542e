"""Items: the things that the CIB configures, each with its section, its name and its details as flat text."""

from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from deploy.cib.wanted import Part

Details = Mapping[str, str]
"""Values by their place, such as `meta target-role`, `op monitor interval`, or `rsc` of a constraint."""
Items = Mapping[tuple[str, str], Details]
"""Details by section and name. A cluster property is an item whose only detail is `value`."""

SECTIONS = (
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "fencing-topology",
    "rsc_defaults",
    "op_defaults",
    "acls",
    "tags",
    "alerts",
)
"""The sections of the CIB's configuration in Pacemaker 2.1."""
_SETS = {"crm_config", "rsc_defaults", "op_defaults"}
"""Sections that hold sets of pairs instead of named elements."""
_RESOURCES = {"primitive", "clone", "group", "master", "bundle", "template"}
"""Elements that are items of their own, also inside another resource."""
_LABELS = {"instance_attributes": "parameter", "meta_attributes": "meta", "operations": ""}
"""The part of a place that stands for an element; other elements are named by their tag and id."""


def of_part(part: Part) -> Items:
    """Return the items of what a build sets, except nodes."""
    root = Element("configuration")
    pairs = SubElement(SubElement(root, "crm_config"), "cluster_property_set")
    for name, value in part.properties.items():
        SubElement(pairs, "nvpair", name=name, value=value)
    SubElement(root, "resources").extend(part.resources)
    SubElement(root, "constraints").extend(part.constraints)
    return of_configuration(root)


def of_configuration(root: Element) -> Items:
    """Return the items of the CIB's element `configuration`."""
    return {(section.tag, name): details for section in root for name, details in _items(section)}


def _items(section: Element) -> Iterator[tuple[str, Details]]:
    if section.tag in _SETS:
        yield from _pairs(section)
    elif section.tag == "resources":
        for element in section.iter():
            if element.tag in _RESOURCES:
                yield element.get("id", ""), _details(element)
    else:
        for element in section:
            yield element.get("uname", element.get("id", "")), _details(element)


def _pairs(section: Element) -> Iterator[tuple[str, Details]]:
    """Yield each pair of the section's sets; the second pair of a name is named after its set as well."""
    seen: set[str] = set()
    for group in section:
        rules = dict(place for rule in group.iterfind("rule") for place in _places(rule, ("rule",)))
        for pair in group.iterfind("nvpair"):
            name = pair.get("name", "")
            yield f"{name} ({group.get('id')})" if name in seen else name, {"value": pair.get("value", ""), **rules}
            seen.add(name)


def _details(element: Element) -> Details:
    """Return the element's details; the second value of one place gets a number."""
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for place, value in _places(element, ()):
        times[place] += 1
        found[place if times[place] == 1 else f"{place} ({times[place]})"] = value
    return found


def _places(element: Element, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if key not in {"id", "uname"}:
            yield " ".join((*path, key)), value
    for child in element:
        if child.tag == "nvpair":
            yield " ".join((*path, child.get("name", ""))), child.get("value", "")
        elif child.tag in _RESOURCES:
            yield " ".join((*path, "holds")), child.get("id", "")
        else:
            place = (*path, *_label(child))
            yield from list(_places(child, place)) or ([] if child.tag in _LABELS else [(" ".join(place), "")])


def _label(element: Element) -> tuple[str, ...]:
    if element.tag == "op":
        return ("op", element.get("name", ""))
    label = _LABELS.get(element.tag, f"{element.tag} {element.get('id', '')}".strip())
    return (label,) if label else ()
