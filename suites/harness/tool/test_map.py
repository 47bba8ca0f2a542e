"""The map is true: every path, function and option that the documents name exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "reports/README.md", "suites/failover/README.md")
FOLDERS = r"(?:deploy|fixtures|suites|templates|reports)"
PATH = re.compile(rf"(?<![\w/.~-])({FOLDERS}/[\w./-]*[\w/])(?![\w<*{{])")
PLACE = re.compile(r"`([\w./-]+\.py)::([\w.]+)`")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")
FOREIGN = {
    "--os-cloud",
    "--notest",
    "--cleanup",
    "--live-migration",
    "--os-compute-api-version",
    "--collect-only",
    "--single-file",
    "--output",
}
"""Options of the openstack client, of pytest, tox, Pacemaker and Allure."""
EXAMPLE = re.compile(r"[A-Z]{3}|reports/(latest|trends)")
"""A path that holds a word such as NAME, or the results of a run."""


def text(document: str) -> str:
    return (ROOT / document).read_text()


def names(path: Path) -> set[str]:
    """Functions, classes and constants of a file, and methods as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found |= {node.name}
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document):
    paths = {path for path in PATH.findall(text(document)) if not EXAMPLE.search(path)}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_place_in_the_code_exists():
    places = PLACE.findall(text("CONTRIBUTING.md"))
    assert len(places) > 50
    assert [f"{path}::{name}" for path, name in places if name not in names(ROOT / path)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_exists(document):
    code = "".join(path.read_text() for folder in ("deploy", "fixtures") for path in (ROOT / folder).rglob("*.py"))
    assert [name for name in set(OPTION.findall(text(document))) - FOREIGN if f'"{name}"' not in code] == []
