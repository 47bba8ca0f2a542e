"""Reading an inventory: a TOML file becomes a Cluster, or an error that names every mistake in the file."""

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from deploy.errors import InventoryError, meant
from deploy.inventory import checks, tables
from deploy.inventory.checks import Mistake
from deploy.inventory.model import Cluster

BUILT_IN = Path(__file__).parent.parent / "inventories"
PLATFORMS = Path(__file__).parent.parent / "platforms"
PROJECTS = Path(__file__).parents[2] / "templates"
"""A project is a folder here with a service.toml; the inventory knows their names and nothing else of them."""


def load(source: str | Path) -> Cluster:
    """Read one inventory: a path, or the name of a built-in inventory (`lab`, `lab-small`, `two-node`).

    Raises InventoryError naming every mistake at once, each with file and key.
    """
    path, built_in = Path(source), BUILT_IN / f"{source}.toml"
    if not path.is_file() and built_in.is_file():
        path = built_in
    return parse(_read(path), path)


def parse(raw: dict[str, Any], path: Path) -> Cluster:
    """Turn the tables of an inventory into a Cluster, or raise InventoryError with all mistakes."""
    mistakes = tables.misplaced(raw)
    flat = tables.flattened(raw, path)
    try:
        cluster = _validated(flat)
    except ValidationError as error:
        mistakes += tables.spelled(error, flat)
        cluster = _validated(tables.without_mistakes(error, flat))
    platforms = sorted(file.stem for file in PLATFORMS.glob("*.toml"))
    projects = sorted(file.parent.name for file in PROJECTS.glob("*/service.toml"))
    mistakes += tables.unrelated(checks.check(cluster, platforms, projects), mistakes)
    if mistakes:
        raise _refusal(path, list(dict.fromkeys(mistakes)))
    return cluster


def _validated(flat: dict[str, Any]) -> Cluster:
    # Via JSON: pydantic's strict mode then accepts addresses written as text, and still rejects 1 for true.
    text = json.dumps(flat, default=lambda moment: {"a date or time": str(moment)})
    return _CLUSTER.validate_json(text, strict=True)


_CLUSTER = TypeAdapter(Cluster)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        known = sorted(file.stem for file in BUILT_IN.glob("*.toml") if "." not in file.stem)
        raise InventoryError(
            f"no inventory at {path}{meant(path.stem, known)}",
            expected=f"a TOML file, or the name of a built-in inventory: {', '.join(known)}",
            hint="pass --inventory=FILE; deploy/inventories/production.example.toml is a starting point",
        ) from None
    except (ValueError, RecursionError, OSError) as error:
        raise InventoryError(f"inventory {path} cannot be read", seen=str(error), hint="correct the file") from None


def _refusal(path: Path, mistakes: list[Mistake]) -> InventoryError:
    listed = "".join(f"\n  {path}: {key}: {text}" for key, text in mistakes)
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return InventoryError(
        f"inventory {path} has {count}; no host was touched{listed}", hint="correct the file and run again"
    )
