"""Platforms: what differs per distribution and release (package, unit and path names), as data."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from deploy.defect import Defect
from deploy.errors import InventoryError

_HERE = Path(__file__).parent


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PackageManager:
    """Shell scripts that are given package names as arguments."""

    installed: str
    """Prints those that are installed."""
    version: str
    """Prints the version of the one that it is given."""
    available: str
    """Prints those that are installed or that the known sources offer; changes nothing. Exit code 3: the machine has
    no lists of what its sources offer, so nothing can be said."""
    sources: str
    """Given the lines of the inventory's package sources, or none for the machine's own: asks each source for its
    index and prints `reached|failed <index> <reason>`, a line each; changes nothing."""
    locks: str
    """Shell functions for `install`, which follows them in the same shell.

    `holders` prints `<program> (pid <pid>) holds <file>` for each lock file in LOCKS that is held. `free` waits until
    none is, PATIENCE seconds at most in one shell, then prints the holders on stderr and returns 1.
    `patiently COMMAND` runs a command after `free`.
    """
    install: str
    """Installs them without starting what they bring; says why on stderr when it cannot."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Platform:
    """One distribution release."""

    name: str
    release: str
    openstack: str
    manager: PackageManager
    os_release: dict[str, str]
    """What /etc/os-release says on such a machine (os-release(5))."""
    architectures: tuple[str, ...]
    """What `uname -m` may say."""
    bare: tuple[str, ...]
    """Packages that a machine must have before a build."""
    drills: tuple[str, ...] = ()
    """Packages that only drills use. A lab host has them; the owner of a real host installs them, or goes without."""
    paths: dict[str, str] = Field(default_factory=dict)
    """Paths by the name that templates, and the paths of templates, use for them."""
    names: dict[str, str] = Field(default_factory=dict)
    """Other names by the name that templates and steps use for them: units and plug-ins that no project owns."""
    python: str = ""
    """Environment of services in Python, so that they start sooner: `NAME=value`, and empty where there is no need."""
    defects: tuple[Defect, ...] = ()
    """What is wrong in packages of this release that several projects share; a project's own are in its file."""
    not_built: str = ""
    """Why no cluster is built on this platform yet; empty: clusters are."""


@cache
def load(name: str) -> Platform:
    """Read one platform; InventoryError where there is none of that name."""
    return TypeAdapter(Platform).validate_python({**_read(name), "name": name})


def _read(name: str) -> dict[str, Any]:
    """The platform's file. `like` names the platform that it differs from: its tables are merged key by key."""
    path = _HERE / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in _HERE.glob("*.toml")))
        raise InventoryError(f"cluster.platform: no platform named {name}", expected=f"one of {known}")
    own = tomllib.loads(path.read_text())
    below = _read(like) if (like := own.pop("like", "")) else {}
    tables = {key: {**below[key], **value} for key, value in own.items() if isinstance(value, dict) and key in below}
    return {**below, **own, **tables}
