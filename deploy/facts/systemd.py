"""Units: whether each runs, is enabled, and waits for a restart because its files changed."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.host import STATE, Reads


@dataclass(frozen=True)
class Unit:
    """One unit as systemd sees it; `pending`: a file it reads was replaced and it has not restarted since."""

    name: str
    load: str
    active: str
    sub: str
    enabled: str
    pending: bool = False
    skipped: bool = False
    """The last start was left out, because a condition of the unit does not hold on this machine."""

    @property
    def is_active(self) -> bool:
        """Running, as far as systemd knows."""
        return self.active == "active"

    @property
    def is_enabled(self) -> bool:
        """Starts at boot."""
        return self.enabled == "enabled"

    @property
    def is_failed(self) -> bool:
        """Ended and will not be started again by systemd itself."""
        return self.active == "failed" or self.load == "not-found"


_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,ConditionResult,ConditionTimestampMonotonic"


def units(host: Reads, names: Iterable[str]) -> dict[str, Unit]:
    """The state of those units of one host, in one round trip."""
    wanted = list(names)
    if not wanted:
        return {}
    listed = " ".join(shlex.quote(f"{name}.service") for name in wanted)
    out = host.check(f"ls {STATE}/pending 2>/dev/null; echo; systemctl show -p {_PROPERTIES} {listed}")
    found = parse(out)
    missing = Unit("", "not-found", "inactive", "dead", "")
    return {name: found.get(name, missing) for name in wanted}


def parse(text: str) -> dict[str, Unit]:
    """Markers, an empty line, then `systemctl show` with a block a unit."""
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
        )
    return found


def last_words(host: Reads, unit: str, lines: int = 8) -> str:
    """The last lines of a unit's journal, for an error message."""
    return host.run("journalctl -q -o cat -n %s -u %s", lines, unit).out.strip()
