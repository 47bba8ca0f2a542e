"""Kernel settings of the runner that the lab raises: their old values are recorded, and restored by `down`."""

from pathlib import Path

from deploy.errors import LabError
from deploy.lab import names

_SYSCTL = Path("/proc/sys")
_RECORD = names.STATE / "sysctl"
FORWARD = "net/ipv4/ip_forward"
WATCHERS = "fs/inotify/max_user_instances"
"""The kernel counts root of all hosts as one user; systemd and daemons of a host take about 20 instances."""
_WATCHERS_PER_HOST = 64


NEIGHBOURS = "net/ipv4/neigh/default/gc_thresh3"
"""Size of the kernel's neighbour table for all network namespaces; only the initial namespace has this setting."""


def for_hosts(count: int, networks: int) -> None:
    """Raise the settings that `count` hosts on one kernel share."""
    at_least(WATCHERS, 128 + count * _WATCHERS_PER_HOST)
    if (_SYSCTL / NEIGHBOURS).exists():
        at_least(NEIGHBOURS, neighbours(count, networks))


def neighbours(count: int, networks: int) -> int:
    """Return the size of the table: every host knows every other on every network; twice, for runner and instances."""
    return 2 * networks * count * count


def at_least(name: str, minimum: int) -> None:
    """Raise one setting to `minimum` where it is lower; LabError where the kernel refuses."""
    setting, record = _SYSCTL / name, _RECORD / name.replace("/", ".")
    before = setting.read_text().strip()
    if int(before) >= minimum:
        return
    _RECORD.mkdir(parents=True, exist_ok=True)
    if not record.exists():
        # Renamed when complete, so that `restore` never reads half a record.
        part = record.with_suffix(".part")
        part.write_text(before)
        part.rename(record)
    try:
        setting.write_text(str(minimum))
    except OSError as error:
        raise LabError(f"{setting} cannot be set to {minimum}", expected="a writable kernel", seen=str(error)) from None


def restore() -> None:
    """Restore every recorded setting."""
    for record in _RECORD.glob("*"):
        if record.suffix != ".part":
            (_SYSCTL / record.name.replace(".", "/")).write_text(record.read_text())
        record.unlink()
