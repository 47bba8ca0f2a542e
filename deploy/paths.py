"""Folders of the runner outside the repository."""

import os
from pathlib import Path


def state(cluster: str) -> Path:
    """Return the folder of one cluster: its secrets and the files of its clients."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return base / "stackproof" / cluster


def drills(cluster: str) -> Path:
    """Return the folder of one cluster's drills: undo records and the owners of instances, but no results."""
    return state(cluster) / "drills"


def cache() -> Path:
    """Return the folder of images, which can be built again. `STACKPROOF_CACHE` overrides it."""
    named = os.environ.get("STACKPROOF_CACHE")
    if named:
        return Path(named)
    return Path("/var/cache/stackproof") if os.geteuid() == 0 else Path.home() / ".cache/stackproof"
