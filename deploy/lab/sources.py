"""Package sources of the lab's image: those of the inventory, else of the runner's apt configuration."""

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import LabError
from deploy.inventory import Cluster
from deploy.lab.shell import run
from deploy.platforms import Platform

_FIELDS = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CODENAME)|$(ORIGIN)"
_RELEVANT = re.compile(r"Acquire::((https?|ftp)::|Check-(Valid-Until|Date)\b|Retries\b|ForceIPv[46]\b|Languages\b)")
_SIGNED_BY = re.compile(r"signed-by\s*[:=]\s*(/[^\s\]]+)", re.IGNORECASE)
_KEYS = Path("/etc/apt/trusted.gpg.d")


@dataclass(frozen=True)
class Sources:
    """The apt configuration for fetching the platform's packages."""

    lines: tuple[str, ...]
    """One-line entries of a sources.list."""
    settings: tuple[str, ...]
    """Lines of an apt.conf: proxies, time-outs, tolerance of old indexes."""
    keyrings: tuple[Path, ...]
    """Files on the runner with the keys that sign the sources."""


def find(cluster: Cluster, platform: Platform) -> Sources:
    """Return the sources of the inventory, else those of this machine; LabError where neither has any."""
    given = tuple(line.strip() for line in cluster.options.package_sources.splitlines() if line.strip())
    lines = given or parse(
        run("apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages"), platform.release
    )
    if not lines:
        raise LabError(
            f"no package sources for {platform.release} on this machine",
            expected=f"Debian {platform.release} in `apt-get indextargets`, with `apt-get update` done",
            hint="run apt-get update, or set options.package_sources in the inventory",
        )
    return Sources(lines, relevant(run("apt-config", "dump", "Acquire")), tuple(_keyrings()))


def parse(listing: str, release: str) -> tuple[str, ...]:
    """Parse `apt-get indextargets` into entries of a sources.list; only Debian's sources of that release."""
    components: dict[tuple[str, str], list[str]] = {}
    for line in listing.splitlines():
        fields = line.strip().split("|")
        if len(fields) != 5:
            continue
        uri, suite, component, codename, origin = fields
        if origin == "Debian" and codename.split("-")[0] == release:
            found = components.setdefault((uri, suite), [])
            if component not in found:
                found.append(component)
    return tuple(f"deb {uri} {suite} {' '.join(parts)}" for (uri, suite), parts in components.items())


def relevant(dump: str) -> tuple[str, ...]:
    """Return the lines of `apt-config dump` that affect fetching."""
    return tuple(line for line in dump.splitlines() if _RELEVANT.match(line) and not line.endswith('"";'))


def _keyrings() -> list[Path]:
    found = {path for path in _KEYS.glob("*") if path.suffix in {".asc", ".gpg"}}
    for listing in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        if listing.is_file():
            found |= {Path(name) for name in _SIGNED_BY.findall(listing.read_text(errors="replace"))}
    return sorted(path for path in found if path.is_file())
