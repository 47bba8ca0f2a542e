"""Confinement: what systemd forbids a unit, by the manager's own words."""

import shlex
from collections.abc import Iterable, Mapping
from functools import lru_cache

from deploy.host import Reads

PROPERTIES = (
    "NoNewPrivileges",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "PrivateDevices",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "ProtectClock",
    "ProtectHostname",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
    "MemoryDenyWriteExecute",
)
"""Settings that `systemctl show` prints in the words of a unit's file."""


def read(host: Reads, units: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Return the settings of each unit by its name, in one round trip."""
    names = " ".join(shlex.quote(f"{unit}.service") for unit in units)
    return parse(host.run(f"systemctl show -p Id,{','.join(PROPERTIES)} {names}").out)


@lru_cache(maxsize=32)  # each unit's check reads the same answer
def parse(text: str) -> Mapping[str, Mapping[str, str]]:
    """Parse `systemctl show` with one block per unit."""
    found = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if name := fields.pop("Id", "").removesuffix(".service"):
            found[name] = fields
    return found
