"""Units: whether each runs, is enabled, and needs a restart because its files changed."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from deploy.facts.ended import END, whole
from deploy.host import STATE, Reads


@dataclass(frozen=True)
class Unit:
    """One unit's state in systemd; `pending`: a file of the unit was replaced after its last restart.

    An empty `name`: systemd did not answer for the unit.
    """

    name: str = ""
    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    enabled: str = ""
    pending: bool = False
    skipped: bool = False
    """True where systemd skipped the last start, because a condition of the unit does not hold on this machine."""
    restarts: int = 0
    """Restarts by systemd since the unit was last started; 0 for a unit with Restart=no."""

    @property
    def is_active(self) -> bool:
        """True where systemd reports the unit as active."""
        return self.active == "active"

    @property
    def is_enabled(self) -> bool:
        """True where the unit starts at boot."""
        return self.enabled == "enabled"

    @property
    def is_failed(self) -> bool:
        """True where the unit failed, or has no unit file; systemd does not start it again."""
        return self.active == "failed" or self.load == "not-found"


_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,ConditionResult,ConditionTimestampMonotonic,NRestarts"


def units(host: Reads, names: Iterable[str]) -> dict[str, Unit]:
    """Return the state of each named unit, in one round trip; an unknown unit has `load` "not-found"."""
    wanted = list(names)
    if not wanted:
        return {}
    listed = " ".join(shlex.quote(f"{name}.service") for name in wanted)
    out = host.check(f"ls {STATE}/pending 2>/dev/null; echo; systemctl show -p {_PROPERTIES} {listed}")
    found = parse(out)
    return {name: found.get(name, Unit()) for name in wanted}


def failed(host: Reads) -> list[str]:
    """Return the names of the host's failed units; CommandFailed without a whole answer."""
    text = host.check(f"systemctl list-units --failed --plain --no-legend && echo {END}")
    return [line.split()[0] for line in whole(host, "failed units", text).splitlines() if line.strip()]


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> dict[str, Unit]:
    """Parse markers of pending restarts, an empty line, then `systemctl show` with one block per unit."""
    markers, _, blocks = text.partition("\n\n") if not text.startswith("\n") else ("", "", text[1:])
    pending = set(markers.split())
    found = {}
    for block in blocks.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" not in fields:
            continue
        name = fields["Id"].removesuffix(".service")
        found[name] = Unit(
            name=name,
            load=fields.get("LoadState", ""),
            active=fields.get("ActiveState", ""),
            sub=fields.get("SubState", ""),
            enabled=fields.get("UnitFileState", ""),
            pending=name in pending,
            skipped=fields.get("ConditionResult") == "no" and fields.get("ConditionTimestampMonotonic", "0") != "0",
            restarts=int(count) if (count := fields.get("NRestarts", "")).isdecimal() else 0,
        )
    return found


def last_words(host: Reads, unit: str, lines: int = 8) -> str:
    """Return the last lines of a unit's journal, for an error message."""
    return host.run("journalctl -q -o cat -n %s -u %s", lines, unit).out.strip()


def overrides(host: Reads, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return each unit's own file and drop-ins below /etc and /run, which take the place of its package's."""
    listed = " ".join(shlex.quote(f"{name}.service") for name in sorted(names))
    return parse_overrides(host.check(f"systemctl show -p Id,FragmentPath,DropInPaths {listed}"))


def parse_overrides(text: str) -> dict[str, tuple[str, ...]]:
    """Parse `systemctl show` with one block per unit."""
    found = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        paths = f"{fields.get('FragmentPath', '')} {fields.get('DropInPaths', '')}".split()
        if "Id" in fields:
            found[fields["Id"].removesuffix(".service")] = tuple(p for p in paths if p.startswith(("/etc/", "/run/")))
    return found
