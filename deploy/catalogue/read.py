"""Reading the catalogue: the TOML of every templates/<project>/service.toml, unresolved."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from deploy.errors import InventoryError

ROOT = Path(__file__).parents[2] / "templates"
ENTRY = "service.toml"
Table = dict[str, Any]


@cache
def projects(root: Path) -> dict[str, Table]:
    """Return every project's TOML by name, each after its required projects.

    InventoryError names an unreadable file, a required project that does not exist, or a circle.
    """
    raw = {path.parent.name: parsed(path) for path in sorted(root.glob(f"*/{ENTRY}"))}
    return {name: raw[name] for name in _ordered(raw)}


@cache
def kind(root: Path, name: str) -> Table:
    """Return the TOML that all services of a kind share; empty where `name` is empty."""
    return parsed(root / "_kinds" / name / "kind.toml") if name else {}


def on(project: Table, platform: str) -> Table:
    """Return a project's table of a platform, merged over the table of the platform that `like` names."""
    table = dict(project.get("on", {}).get(platform, {}))
    like = table.pop("like", "")
    return merged(on(project, like), table) if like else table


def merged(below: Table, above: Table) -> Table:
    """Merge two tables: inner tables key by key; any other value of `above` replaces the value of `below`."""
    whole = dict(below)
    for key, value in above.items():
        old = whole.get(key)
        whole[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return whole


def _ordered(raw: Mapping[str, Table]) -> list[str]:
    placed: list[str] = []

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise InventoryError(f"projects require each other in a circle: {' -> '.join((*path, name))}")
        if name not in raw:
            raise InventoryError(f"project {path[-1]} requires {name}, which does not exist")
        for other in (*raw[name].get("requires", ()), *raw[name].get("after", ())):
            place(other, (*path, name))
        if name not in placed:
            placed.append(name)

    for name in raw:
        place(name, ())
    return placed


def parsed(path: Path) -> Table:
    """Return the content of a TOML file; InventoryError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InventoryError(f"{path} cannot be read", seen=str(error), hint="correct the file") from None
