"""Pacemaker's configuration, whose elements are written only where they differ."""

from collections.abc import Iterable, Mapping
from threading import Lock
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from deploy.cib import wanted
from deploy.cib.wanted import Part
from deploy.errors import StepFailed
from deploy.facts import pacemaker
from deploy.host import Host
from deploy.site import Site

STOPPING = 180.0
"""Seconds Pacemaker may take to stop the clones of a removed project on all its members."""
_WRITING = Lock()
"""Serialises the steps, which run in parallel: each reads a section of the CIB and writes it back."""


def ensure(site: Site, step: str) -> None:
    """Give Pacemaker what one step sets; a step that sets nothing may come before Pacemaker's, and sends no command.

    All new elements are added in one update: a resource that is added before its constraint is started at once, on
    any node, and stays there.
    """
    part = wanted.part(site.cluster, site.catalogue, step)
    if part == Part():
        return
    host = site.members("pacemaker").first
    with _WRITING:
        _ensure(host, {"resources": part.resources, "constraints": part.constraints})
    _set(host, part.properties)


def _ensure(host: Host, sections: Mapping[str, Iterable[Element]]) -> None:
    current = ElementTree.fromstring(host.check("cibadmin --query --scope configuration"))  # noqa: S314 - our own cluster
    new, changed = Element("configuration"), []
    for section, elements in sections.items():
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


def _set(host: Host, properties: Mapping[str, str]) -> None:
    """Set cluster properties where they differ."""
    if not properties:
        return
    section = ElementTree.fromstring(host.check("cibadmin --query --scope crm_config"))  # noqa: S314 - our own cluster
    current = {pair.get("name"): pair.get("value") for pair in section.iter("nvpair")}
    for name, value in properties.items():
        if current.get(name) != value:
            host.check("crm_attribute --type crm_config --name %s --update %s", name, value)
            host.changed(f"set Pacemaker's {name}={value}")


def remove(site: Site, names: Iterable[str]) -> None:
    """Stop the clones of the named primitives and delete them from the CIB; missing ones are ignored.

    They are stopped first, because Pacemaker treats a running resource without configuration as an orphan. StepFailed
    where Pacemaker does not list its resources: it would start a unit again that systemd stops.
    """
    named = list(names)
    with _WRITING:
        host = site.members("pacemaker").first
        known = pacemaker.configuration(host).resources
        if named and not known:
            raise StepFailed(
                f"{host.name}: Pacemaker does not list its resources",
                expected="the configuration, so that its clones can be removed",
                hint="crm_mon -1 -r there; then run the same command again",
            )
        if present := [name for name in named if name in known]:
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


def _same(one: Element, other: Element) -> bool:
    def plain(element: Element) -> str:
        text = ElementTree.tostring(element, encoding="unicode")
        return ElementTree.canonicalize(text, strip_text=True)

    return plain(one) == plain(other)
