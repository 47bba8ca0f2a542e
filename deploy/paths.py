"""Where the runner keeps things outside the repository."""

import os
from pathlib import Path


def state(cluster: str) -> Path:
    """What belongs to one cluster: its secrets, and the clients' own files."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return base / "stackproof" / cluster


def drills(cluster: str) -> Path:
    """What drills keep of one cluster besides their results: what is to be undone, and whose instances there are."""
    return state(cluster) / "drills"


def cache() -> Path:
    """What can be made again: images. `STACKPROOF_CACHE` names another place."""
    named = os.environ.get("STACKPROOF_CACHE")
    if named:
        return Path(named)
    return Path("/var/cache/stackproof") if os.geteuid() == 0 else Path.home() / ".cache/stackproof"
