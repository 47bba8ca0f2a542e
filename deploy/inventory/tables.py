"""The shape of an inventory file: convert its tables to those of a Cluster, and name mistakes by the file's keys."""

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.errors import meant
from deploy.inventory.checks import NETWORKS, Mistake

HEAD = ("name", "platform", "region", "vip", "tls", "insecure")
PARTS = ("ssh", "certificate", "services", "options", "passwords", "image", "capacity", "ceph", "cinder", "lab")
TABLES = ("cluster", "networks", "nodes", *PARTS)
NODE = ("roles", "power", "disks")
STAND_INS: dict[str, dict[str, Any]] = {
    "cluster": {"name": "unknown", "platform": "unknown"},
    "networks": {"cidr": "0.0.0.0/0", "interface": "unknown"},
    "nodes": {"roles": []},
    "certificate": {"ca": "unknown"},
}
"""Substitutes for missing or wrong required values, so that the rest can be checked."""

_STRANGER = "unexpected_keyword_argument"
Location = tuple[int | str, ...]


def misplaced(raw: dict[str, Any]) -> list[Mistake]:
    """Return unknown keys, and values in the place of tables; `flattened` leaves them out."""
    return [*_no_tables(raw), *_strangers(raw)]


def flattened(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the tables in the shape of Cluster: nodes as a list, each with its name and a table of addresses."""
    networks, nodes = _table(raw, "networks"), _table(raw, "nodes")
    known = _network_names(raw)
    return {
        **_only(_table(raw, "cluster"), HEAD),
        **{name: raw[name] for name in PARTS if isinstance(raw.get(name), dict)},
        "networks": {name: {**_entry(networks, name, "networks"), "name": name} for name in networks},
        "nodes": [
            {
                "name": name,
                **_only(_entry(nodes, name, "nodes"), NODE),
                "addresses": _only(_table(nodes, name), known),
            }
            for name in nodes
        ],
        "source": str(path),
    }


def without_mistakes(error: ValidationError, tables: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which wrong values are removed or replaced by STAND_INS, so that the rest can be checked."""
    whole = copy.deepcopy(tables)
    for item in error.errors():
        *way, last = item["loc"][: _depth(item["loc"])]
        holder: Any = whole
        for part in way:
            holder = holder[part]
        holder.pop(last, None)
        holder.update(_only(_stand_ins(way), [last]))
    return whole


def _stand_ins(way: list[int | str]) -> dict[str, Any]:
    if not way:
        return STAND_INS["cluster"]
    depth = 1 if way[0] in PARTS else 2
    return STAND_INS.get(str(way[0]), {}) if len(way) == depth else {}


def spelled(error: ValidationError, tables: dict[str, Any]) -> list[Mistake]:
    """Return pydantic's errors by the file's keys."""
    plain = {"missing": "missing", _STRANGER: "no such key"}
    return [
        (
            _key(item["loc"], tables),
            plain.get(item["type"]) or f"{item['msg'].removeprefix('Value error, ')}, not {_brief(item['input'])}",
        )
        for item in error.errors()
    ]


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def unrelated(found: Iterable[Mistake], known: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes that are not a consequence of a known one, at the same key, above or below it."""
    keys = [f"{key}." for key, _ in known]
    return [
        (key, text) for key, text in found if not any(f"{key}.".startswith(k) or k.startswith(f"{key}.") for k in keys)
    ]


def _no_tables(raw: dict[str, Any]) -> Iterator[Mistake]:
    for name in TABLES:
        if not isinstance(raw.get(name, {}), dict):
            yield name, "must be a table"
    for group in ("networks", "nodes"):
        for name, entry in _table(raw, group).items():
            if not isinstance(entry, dict):
                yield f"{group}.{name}", "must be a table"


def _strangers(raw: dict[str, Any]) -> Iterator[Mistake]:
    for key in raw:
        if key not in TABLES:
            yield key, f"no such table{meant(key, TABLES)}; known: {', '.join(TABLES)}"
    for key in _table(raw, "cluster"):
        if key not in HEAD:
            yield f"cluster.{key}", f"no such key{meant(key, HEAD)}; known: {', '.join(HEAD)}"
    networks = _network_names(raw)
    for name in networks:
        if "name" in _table(_table(raw, "networks"), name):
            yield f"networks.{name}.name", "no such key; the table's own name is the network's"
    for name in _table(raw, "nodes"):
        for key in _table(_table(raw, "nodes"), name):
            if key not in (*NODE, *networks):
                yield (
                    f"nodes.{name}.{key}",
                    f"no such key ({', '.join(NODE)}), and no network of that name ({', '.join(networks)})",
                )


def _network_names(raw: dict[str, Any]) -> list[str]:
    """Return the networks a node can have an address in, required networks included even where they are missing."""
    return [name for name in dict.fromkeys([*NETWORKS, *_table(raw, "networks")]) if name not in NODE]


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name, {})
    return found if isinstance(found, dict) else {}


def _entry(tables: dict[str, Any], name: str, group: str) -> dict[str, Any]:
    return tables[name] if isinstance(tables[name], dict) else STAND_INS[group]


def _only(table: dict[str, Any], keys: Iterable[Any]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _depth(location: Location) -> int:
    """Return the depth of the smallest removable part: a key of a table, a key of a node, or an address."""
    if location[0] not in {"networks", "nodes"}:
        return 2 if location[0] in PARTS else 1
    return 4 if location[2] == "addresses" else 3


def _key(location: Location, tables: dict[str, Any]) -> str:
    """Return the file's key: a node by its name, an item of a list by the list, a power device without its driver."""
    if location[0] == "nodes":
        if location[2] == "power":
            location = (*location[:3], *location[4:])
        location = ("nodes", tables["nodes"][location[1]]["name"], *location[2:])
    if location[0] in HEAD:
        location = ("cluster", *location)
    return ".".join(str(part) for part in location if part != "addresses" and not isinstance(part, int))
