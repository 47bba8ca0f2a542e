"""Dashboard: the settings of Horizon's own file, which is Python, and what a page of Horizon loads."""

import ast
import re
from functools import lru_cache

from deploy.errors import CommandFailed
from deploy.host import Reads

FOLDER = "/etc/openstack-dashboard"
FILE = f"{FOLDER}/local_settings.py"
SIGN_IN, SIGN_OUT = "/auth/login/", "/auth/logout/"


def settings(host: Reads) -> dict[str, object]:
    """Return the settings of the file by name; CommandFailed where the file is missing, or sets nothing.

    `HORIZON_CONFIG.name` is what the file sets in that dictionary.
    """
    found = parse(text := host.check("cat -- %s", FILE))
    if not found:
        raise CommandFailed(f"{host.name}: the settings of {FILE}: not known", expected="a setting", seen=text[:300])
    return found


@lru_cache(maxsize=32)  # several checks read the same answer
def parse(text: str) -> dict[str, object]:
    """Parse assignments of literal values; the last one of a name counts. Empty for a text that is not Python."""
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError):
        return {}
    found = {}
    for line in lines:
        if isinstance(line, ast.Assign) and len(line.targets) == 1 and (name := _name(line.targets[0])):
            try:
                found[name] = ast.literal_eval(line.value)
            except ValueError:  # an expression, whose value only Horizon knows
                found.pop(name, None)
    return found


def _name(target: ast.expr) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        key = target.slice.value if isinstance(target.slice, ast.Constant) else None
        return f"{target.value.id}.{key}" if isinstance(key, str) else ""
    return ""


def links(page: str) -> tuple[str, ...]:
    """Return the paths of the files that a page loads, without duplicates, in the order of the page."""
    return tuple(dict.fromkeys(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))
