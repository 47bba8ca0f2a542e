"""Platforms: names of packages, units and paths per distribution and release, as data."""

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
    """Shell scripts for the package manager; they take package names as arguments."""

    installed: str
    """Prints the installed packages among its arguments."""
    versions: str
    """Prints every installed package with its version."""
    version: str
    """Prints the version of one package."""
    available: str
    """Prints the packages that are installed or that the sources offer; changes nothing. Exit code 3: the machine has
    no package lists of its sources."""
    sources: str
    """Takes the lines of the inventory's package sources, or nothing for the machine's own sources. Requests the index
    of each source and prints a line `reached|failed <index> <reason>`; changes nothing."""
    held: str
    """Prints the packages that an operator holds at their version."""
    locks: str
    """Shell functions for `install`, which runs after them in the same shell.

    `holders` prints `<program> (pid <pid>) holds <file>` for each held lock file of LOCKS. `free` waits until none is
    held; after PATIENCE seconds in all it prints the holders on stderr and returns 1. `patiently COMMAND` runs a
    command after `free`.
    """
    install: str
    """Installs the packages without starting their services; prints the reason of a failure on stderr."""
    nightly: str
    """Prints `on` where the machine upgrades its packages by itself, otherwise `off`."""
    files: tuple[str, ...] = ()
    """Patterns (find(1), -path) of the manager's own files, and of packages' files outside /usr that hold examples."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Platform:
    """One distribution release."""

    name: str
    release: str
    openstack: str
    manager: PackageManager
    os_release: dict[str, str]
    """Values in /etc/os-release of such a machine (os-release(5))."""
    architectures: tuple[str, ...]
    """The outputs of `uname -m` that are supported."""
    bare: tuple[str, ...]
    """Packages that a machine must have before a build."""
    drills: tuple[str, ...] = ()
    """Packages that only drills use. Lab hosts have them; on real hosts their owner may install them."""
    paths: dict[str, str] = Field(default_factory=dict)
    """Paths, by the name that templates use in their text and in their own paths."""
    names: dict[str, str] = Field(default_factory=dict)
    """Names of units, plug-ins and programs that belong to no project, by the name that templates and steps use."""
    python: str = ""
    """An environment variable `NAME=value` that makes services in Python start sooner; empty: none is needed."""
    defects: tuple[Defect, ...] = ()
    """Defects in packages that several projects share; a project's own defects are in its service.toml."""
    not_built: str = ""
    """The reason why no cluster is built on this platform yet; empty: clusters can be built."""


@cache
def load(name: str) -> Platform:
    """Return one platform; InventoryError for an unknown name."""
    return TypeAdapter(Platform).validate_python({**_read(name), "name": name})


def _read(name: str) -> dict[str, Any]:
    """Return the platform's TOML, merged key by key over that of the platform that `like` names."""
    path = _HERE / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in _HERE.glob("*.toml")))
        raise InventoryError(f"cluster.platform: no platform named {name}", expected=f"one of {known}")
    own = tomllib.loads(path.read_text())
    below = _read(like) if (like := own.pop("like", "")) else {}
    tables = {key: {**below[key], **value} for key, value in own.items() if isinstance(value, dict) and key in below}
    return {**below, **own, **tables}
