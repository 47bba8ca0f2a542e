"""Settings of the runner's kernel that the lab needs raised: recorded before, restored by `down`."""

from pathlib import Path

from deploy.errors import LabError
from deploy.lab import names

_SYSCTL = Path("/proc/sys")
_RECORD = names.STATE / "sysctl"
FORWARD = "net/ipv4/ip_forward"
WATCHERS = "fs/inotify/max_user_instances"
"""Root of all hosts is one user to the kernel; each host's systemd and daemons take about 20 instances."""
_WATCHERS_PER_HOST = 64


NEIGHBOURS = "net/ipv4/neigh/default/gc_thresh3"
"""How many neighbours a kernel remembers, of all network namespaces together; only the first namespace has this."""


def for_hosts(count: int, networks: int) -> None:
    """Raise what many hosts on one kernel share."""
    at_least(WATCHERS, 128 + count * _WATCHERS_PER_HOST)
    if (_SYSCTL / NEIGHBOURS).exists():
        at_least(NEIGHBOURS, neighbours(count, networks))


def neighbours(count: int, networks: int) -> int:
    """Every host at every other on every network, and as many for the runner, routers and instances."""
    return 2 * networks * count * count


def at_least(name: str, minimum: int) -> None:
    """Raise one setting, if it is lower; LabError where the kernel refuses."""
    setting, record = _SYSCTL / name, _RECORD / name.replace("/", ".")
    before = setting.read_text().strip()
    if int(before) >= minimum:
        return
    _RECORD.mkdir(parents=True, exist_ok=True)
    if not record.exists():
        # Written as a whole: half a record would restore nonsense.
        part = record.with_suffix(".part")
        part.write_text(before)
        part.rename(record)
    try:
        setting.write_text(str(minimum))
    except OSError as error:
        raise LabError(f"{setting} cannot be set to {minimum}", expected="a writable kernel", seen=str(error)) from None


def restore() -> None:
    """Set everything back to what it was before the lab."""
    for record in _RECORD.glob("*"):
        if record.suffix != ".part":
            (_SYSCTL / record.name.replace(".", "/")).write_text(record.read_text())
        record.unlink()
